import type { Vault } from './vault.js';

/** One stored secret, with the additional data that it opens with. */
export interface StoredSecret {
  readonly id: string;
  readonly sealed: Uint8Array;
  readonly aad: readonly string[];
}

/** A kind of row that holds a sealed value; the lib that owns the row describes it. */
export interface SealedPlace {
  readonly name: string;
  /** stale lists at most `limit` secrets with ids past `after`, in order, that do not start with `prefix`. */
  stale(prefix: Buffer, after: string, limit: number): Promise<readonly StoredSecret[]>;
  /** replace writes the new value if the old one is still there; false when somebody else has written meanwhile. */
  replace(old: StoredSecret, sealed: Uint8Array<ArrayBuffer>): Promise<boolean>;
}

export interface RewrapOptions {
  readonly vault: Vault;
  readonly places: readonly SealedPlace[];
  readonly batch?: number;
  readonly signal?: AbortSignal;
  readonly onBatch?: (progress: RewrapReport) => void;
}

export interface RewrapReport {
  rewrapped: number;
  /** Written by somebody else at the same time, and so with the newest key. */
  skipped: number;
  /** Secrets that no known key opens; they stay as they are. */
  broken: string[];
}

const batchDefault = 100;

/**
 * rewrap puts every stored secret under the newest master key, in batches of short statements. Readers need not wait or know: a value opens before and
 * after. It starts where it stopped, because what is done no longer counts as stale.
 */
export async function rewrap({ vault, places, batch, signal, onBatch }: RewrapOptions): Promise<RewrapReport> {
  const report: RewrapReport = { rewrapped: 0, skipped: 0, broken: [] };
  const prefix = Buffer.from(await vault.newestPrefix());
  for (const place of places) {
    let after = '';
    for (;;) {
      signal?.throwIfAborted();
      const secrets = await place.stale(prefix, after, batch ?? batchDefault);
      for (const secret of secrets) await rewrapOne(vault, place, secret, report);
      onBatch?.(report);
      const last = secrets.at(-1);
      if (!last || secrets.length < (batch ?? batchDefault)) break;
      after = last.id;
    }
  }
  return report;
}

async function rewrapOne(vault: Vault, place: SealedPlace, secret: StoredSecret, report: RewrapReport): Promise<void> {
  let next: Uint8Array<ArrayBuffer>;
  try {
    next = await vault.rewrap(secret.sealed, secret.aad);
  } catch {
    report.broken.push(`${place.name} ${secret.id}`);
    return;
  }
  if (await place.replace(secret, next)) report.rewrapped++;
  else report.skipped++;
}
