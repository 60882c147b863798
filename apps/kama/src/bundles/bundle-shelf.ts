import type { Bundle } from '@nm/kama-sdk';
import type { KamaBundle } from '@nm/kernel/contracts';
import { Fault, isFault } from '@nm/kernel/fault';
import { LRUCache } from 'lru-cache';

export interface ShelfLimits {
  /** Of all compiled bundles together, by estimate. Bytes. */
  readonly bytesMax: number;
  /** How long the refusal of a bundle is remembered. Milliseconds. */
  readonly refusalMs: number;
}

/** Compiler makes a bundle of its packed text, wherever it does that. */
export interface Compiler {
  /** @throws Fault bundle_invalid */
  compile(text: string): Promise<Bundle>;
}

const defaults: ShelfLimits = { bytesMax: 192 * 1024 * 1024, refusalMs: 5_000 };

/** A compiled bundle takes about so many times the bytes of the packed one (`npm run bench:kama` measures it), and never less than the SDK's own part of it. */
const growth = 12;
const leastBytes = 512 * 1024;
const versionsMax = 20_000;

/** BundleShelf keeps compiled bundles by their digest, the most recently used; each is loaded and compiled once, whoever asks for it at the same time. */
export class BundleShelf {
  readonly #bundles: LRUCache<string, Bundle>;
  /** A version never changes, so neither does this. */
  readonly #digests = new LRUCache<string, string>({ max: versionsMax });
  readonly #refused: LRUCache<string, Fault>;
  readonly #loading = new Map<string, Promise<Bundle>>();
  readonly #compiler: Compiler;

  constructor(compiler: Compiler, limits: Partial<ShelfLimits> = {}) {
    this.#compiler = compiler;
    const { bytesMax, refusalMs } = { ...defaults, ...limits };
    this.#bundles = new LRUCache({ maxSize: bytesMax });
    this.#refused = new LRUCache({ max: 1_000, ttl: refusalMs });
  }

  /**
   * take gives the bundle of a version; `load` fetches it with the right of whoever asks.
   * @throws Fault bundle_invalid, and what `load` throws
   */
  async take(versionId: string, load: () => Promise<KamaBundle>): Promise<Bundle> {
    const digest = this.#digests.get(versionId);
    const known = digest === undefined ? undefined : this.#bundles.get(digest);
    if (known) return known;
    const refused = this.#refused.get(versionId);
    if (refused) throw refused;
    const loading = this.#loading.get(versionId);
    if (!loading) return this.#load(versionId, load);
    try {
      return await loading;
    } catch (error) {
      // Somebody else's right was not enough: that says nothing about this caller's.
      if (isFault(error) && (error.status === 401 || error.status === 403)) return this.take(versionId, load);
      throw error;
    }
  }

  #load(versionId: string, load: () => Promise<KamaBundle>): Promise<Bundle> {
    const loading = this.#fetch(versionId, load).finally(() => this.#loading.delete(versionId));
    this.#loading.set(versionId, loading);
    return loading;
  }

  async #fetch(versionId: string, load: () => Promise<KamaBundle>): Promise<Bundle> {
    const { digest, bundle: text } = await load();
    const same = this.#bundles.get(digest);
    const bundle = same ?? (await this.#compile(versionId, digest, text));
    this.#digests.set(versionId, digest);
    return bundle;
  }

  async #compile(versionId: string, digest: string, text: string): Promise<Bundle> {
    try {
      const bundle = await this.#compiler.compile(text);
      if (bundle.digest !== digest)
        throw new Fault('bundle_invalid', { internal: `its digest is ${bundle.digest}`, extra: { findings: [] } });
      this.#bundles.set(digest, bundle, { size: leastBytes + growth * Buffer.byteLength(text) });
      return bundle;
    } catch (error) {
      if (isFault(error)) this.#refused.set(versionId, error);
      throw error;
    }
  }
}
