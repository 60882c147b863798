import type { VersionSpec } from '@nm/kernel/contracts';

export type DriverName = 'process' | 'docker' | 'bundle';

/** Contents by file name. */
export type InstanceFiles = Readonly<Record<string, string>>;

/** What a driver is asked to run. `env` is complete but for `PORT` and `HOST`, which the driver chooses. */
export interface RuntimeSpec {
  readonly instanceId: string;
  readonly version: VersionSpec;
  readonly env: Readonly<Record<string, string>>;
  /** What is in the instance's folder when it starts; absent: it has none. */
  readonly files?: InstanceFiles;
}

/** What a driver needs to find one process or container again, also after a restart of the operator. Plain JSON. */
export interface RuntimeHandle {
  readonly instanceId: string;
  readonly driver: DriverName;
  /** Names the process (pid and start time) or container (id). */
  readonly ref: string;
  /** Machine or engine that `ref` belongs to; a handle of elsewhere is `absent` here. */
  readonly place: string;
  /** `host:port` where it listens, as gateways reach it. */
  readonly address: string;
}

export interface RuntimeState {
  readonly state: 'running' | 'exited' | 'absent';
  /** With `exited`: the exit code, or 128 + the number of the signal. */
  readonly exitCode?: number;
  /** With `exited`: ended by the kernel because it went over its memory limit. */
  readonly outOfMemory?: boolean;
  readonly address: string;
}

/** How much of an instance's output is kept. */
export const logBytesMax = 1024 * 1024;

/**
 * RuntimeDriver runs KAMAs as the runtime contract (docs/runtime-contract.md) says. One conformance suite holds for all of them.
 */
export interface RuntimeDriver {
  readonly name: DriverName;
  /** Whether a running instance goes on when the operator that started it is gone. */
  readonly survivesOperator: boolean;
  /** Whether this driver can run that version; otherwise the sentence why not. */
  refuses(version: VersionSpec): string | undefined;
  /** @throws Fault runtime_unavailable with a sentence for the publisher when it cannot be started */
  start(spec: RuntimeSpec): Promise<RuntimeHandle>;
  /** The folder in which an instance that is given files finds them, by the path that it has there; absent: this driver gives none. */
  folderOf?(instanceId: string): string;
  /** Replaces files of one that runs; each is whole or absent whenever it is read. */
  writeFiles?(handle: RuntimeHandle, files: InstanceFiles): Promise<void>;
  inspect(handle: RuntimeHandle): Promise<RuntimeState>;
  /** SIGTERM, and SIGKILL after `graceMs`; resolves when it has ended. Of something absent: does nothing. */
  stop(handle: RuntimeHandle, graceMs: number): Promise<void>;
  /** The newest output, at most `logBytesMax` bytes; also of one that has ended, until it is removed. */
  logs(handle: RuntimeHandle): Promise<Buffer>;
  /** Ends it at once if it still runs, and leaves nothing of it. */
  remove(handle: RuntimeHandle): Promise<void>;
  /** Everything that this driver has running or left over, whichever operator started it. */
  list(): Promise<RuntimeHandle[]>;
  /** Ends what the driver itself holds (connections, timers), not the instances. */
  close(): Promise<void>;
}

/** endInstance stops one in order, leaves nothing of it, and gives its last output. */
export async function endInstance(driver: RuntimeDriver, handle: RuntimeHandle, graceMs: number): Promise<Buffer> {
  await driver.stop(handle, graceMs);
  const output = await driver.logs(handle).catch(() => Buffer.alloc(0));
  await driver.remove(handle);
  return output;
}

/** Told by a driver as soon as it knows that an instance has ended; a hint, `inspect` says what is so. */
export type OnExit = (instanceId: string) => void;
