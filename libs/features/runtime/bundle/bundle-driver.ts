import { VersionSpec } from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import { ProcessDriver, type ProcessDriverOptions } from '../process/process-driver.js';
import { thisMachine } from '../process/process-ref.js';
import type { OnExit, RuntimeDriver, RuntimeHandle, RuntimeSpec, RuntimeState } from '../runtime-driver.js';

export interface BundleDriverOptions {
  readonly process: Omit<ProcessDriverOptions, 'onExit'>;
  /** What starts the host of bundles. */
  readonly command: readonly string[];
  /** Its environment but for `PORT` and `HOST`. It holds no secret. */
  readonly env: Readonly<Record<string, string>>;
  /** How long a host that serves nothing is kept. Milliseconds. */
  readonly idleMs: number;
  readonly onExit?: OnExit;
}

const hostGraceMs = 5_000;

/**
 * BundleDriver serves versions that are bundles, all of them by one process: a descriptor is data, so what an instance costs here is a row and an address. The
 * host learns from each request's `Nm-Context` which version it is for. It starts with the first instance, and ends some time after the last.
 */
export class BundleDriver implements RuntimeDriver {
  readonly name = 'bundle';
  readonly survivesOperator = false;
  readonly #options: BundleDriverOptions;
  readonly #processes: ProcessDriver;
  readonly #instances = new Map<string, RuntimeHandle>();
  readonly #place = thisMachine();
  #host: Promise<RuntimeHandle> | undefined;
  #idle: NodeJS.Timeout | undefined;

  constructor(options: BundleDriverOptions) {
    this.#options = options;
    this.#processes = new ProcessDriver({ ...options.process, onExit: () => this.#hostEnded() });
  }

  refuses(version: VersionSpec): string | undefined {
    return version.bundle === undefined ? 'This version is no bundle.' : undefined;
  }

  async start({ instanceId }: RuntimeSpec): Promise<RuntimeHandle> {
    clearTimeout(this.#idle);
    const host = await this.#running();
    const handle: RuntimeHandle = {
      instanceId,
      driver: 'bundle',
      ref: `${host.ref}/${instanceId}`,
      place: this.#place,
      address: host.address,
    };
    this.#instances.set(instanceId, handle);
    return handle;
  }

  async inspect(handle: RuntimeHandle): Promise<RuntimeState> {
    const { address } = handle;
    if (!this.#isOurs(handle)) return { state: 'absent', address };
    const host = await this.#host?.catch(() => undefined);
    if (!host || !handle.ref.startsWith(`${host.ref}/`)) return { state: 'absent', address };
    return { ...(await this.#processes.inspect(host)), address };
  }

  /** stop takes one instance away; the host goes on for the others. */
  async stop(handle: RuntimeHandle): Promise<void> {
    if (this.#isOurs(handle)) this.#instances.delete(handle.instanceId);
    if (this.#instances.size > 0) return;
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => void this.#endIdle(), this.#options.idleMs).unref();
  }

  remove(handle: RuntimeHandle): Promise<void> {
    return this.stop(handle);
  }

  /** The host's output is about the apps of many publishers, so none of them gets it. */
  async logs(): Promise<Buffer> {
    return Buffer.alloc(0);
  }

  async list(): Promise<RuntimeHandle[]> {
    return [...this.#instances.values()];
  }

  async close(): Promise<void> {
    clearTimeout(this.#idle);
    this.#instances.clear();
    await this.#endHost();
    await this.#processes.close();
  }

  #isOurs(handle: RuntimeHandle): boolean {
    return this.#instances.get(handle.instanceId)?.ref === handle.ref;
  }

  async #running(): Promise<RuntimeHandle> {
    const known = this.#host && (await this.#host.catch(() => undefined));
    if (known && (await this.#processes.inspect(known)).state === 'running') return known;
    // Whoever waited for the same host that has ended waits for the same new one.
    if (known) await this.#forget(known);
    this.#host ??= this.#start();
    return this.#host;
  }

  async #start(): Promise<RuntimeHandle> {
    const { command, env } = this.#options;
    const version = VersionSpec.parse({ kind: 'container', command: [...command] });
    try {
      return await this.#processes.start({ instanceId: 'bundle-host', version, env });
    } catch (cause) {
      this.#host = undefined;
      throw new Fault('runtime_unavailable', { public: 'The host of bundles could not be started', cause });
    }
  }

  async #forget(host: RuntimeHandle): Promise<void> {
    const current = await this.#host?.catch(() => undefined);
    if (current?.ref === host.ref) this.#host = undefined;
    await this.#processes.remove(host);
  }

  #hostEnded(): void {
    for (const { instanceId } of this.#instances.values()) this.#options.onExit?.(instanceId);
  }

  async #endIdle(): Promise<void> {
    if (this.#instances.size === 0) await this.#endHost();
  }

  async #endHost(): Promise<void> {
    const ending = this.#host;
    this.#host = undefined;
    const host = await ending?.catch(() => undefined);
    if (!host) return;
    await this.#processes.stop(host, hostGraceMs);
    await this.#processes.remove(host);
  }
}
