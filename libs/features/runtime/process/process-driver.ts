import type { ChildProcess } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { VersionSpec } from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import { type Clock, systemClock } from '@nm/kernel/time';
import {
  type InstanceFiles,
  logBytesMax,
  type OnExit,
  type RuntimeDriver,
  type RuntimeHandle,
  type RuntimeSpec,
  type RuntimeState,
} from '../runtime-driver.js';
import { freePort } from './free-port.js';
import { LogRing } from './log-ring.js';
import { removeFolder, writePrivateFiles } from './private-files.js';
import { formatRef, isAlive, type ProcessRef, parseRef, processRef, thisMachine } from './process-ref.js';
import { spawnTethered } from './tether.js';

export interface ProcessDriverOptions {
  /** Working directory of the commands. */
  readonly root: string;
  /** Address that the KAMAs listen on, and the one that gateways dial. */
  readonly bindHost: string;
  readonly advertiseHost: string;
  /** Search path for programs; the one thing besides TMPDIR that a KAMA inherits. */
  readonly path: string;
  readonly tmpDir?: string | undefined;
  /** Folder of the instances' folders; absent: a temporary one, which goes with the driver. */
  readonly filesDir?: string | undefined;
  readonly onExit?: OnExit;
  readonly clock?: Clock;
}

interface Child {
  readonly handle: RuntimeHandle;
  readonly process: ChildProcess;
  readonly ref: ProcessRef;
  readonly log: LogRing;
  exitCode: number | undefined;
  readonly ended: Promise<void>;
  /** Its output has been read to the end. */
  readonly drained: Promise<void>;
}

const killWaitMs = 2_000;
const drainMsMax = 500;

/**
 * ProcessDriver runs a version's `command` as a child process. It is for development: it separates processes, not tenants.
 * A child ends with the operator, however that ends (see `spawnTethered`).
 */
export class ProcessDriver implements RuntimeDriver {
  readonly name = 'process';
  readonly survivesOperator = false;
  readonly #options: ProcessDriverOptions;
  readonly #clock: Clock;
  readonly #place = thisMachine();
  #filesDir: string | undefined;
  /** By `ref`. A child that has ended stays until it is stopped: `inspect` and `logs` still answer for it. */
  readonly #children = new Map<string, Child>();

  constructor(options: ProcessDriverOptions) {
    this.#options = options;
    this.#filesDir = options.filesDir;
    this.#clock = options.clock ?? systemClock;
  }

  refuses(version: VersionSpec): string | undefined {
    return version.command
      ? undefined
      : 'This version has an image and no command, and containers are not available here.';
  }

  folderOf(instanceId: string): string {
    this.#filesDir ??= mkdtempSync(join(this.#options.tmpDir ?? tmpdir(), 'nmachine-kama-'));
    return join(this.#filesDir, instanceId);
  }

  async writeFiles({ instanceId }: RuntimeHandle, files: InstanceFiles): Promise<void> {
    await writePrivateFiles(this.folderOf(instanceId), files);
  }

  async start(spec: RuntimeSpec): Promise<RuntimeHandle> {
    if (spec.files) await writePrivateFiles(this.folderOf(spec.instanceId), spec.files);
    const { root, bindHost, advertiseHost, path, tmpDir } = this.#options;
    const port = await freePort(bindHost);
    const child = spawnTethered({
      command: spec.version.command ?? [],
      cwd: root,
      env: {
        ...spec.version.env,
        ...spec.env,
        PATH: path,
        ...(tmpDir === undefined ? {} : { TMPDIR: tmpDir }),
        HOST: bindHost,
        PORT: String(port),
      },
    });
    const log = new LogRing(logBytesMax);
    child.stdout?.on('data', (chunk: Buffer) => log.push(chunk));
    child.stderr?.on('data', (chunk: Buffer) => log.push(chunk));
    child.stdin?.on('error', () => undefined);
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', (cause) => reject(new Fault('runtime_unavailable', { public: cause.message, cause })));
    });
    const pid = child.pid as number;
    // It may have ended already; then nothing else can have its number yet, since it is not reaped before 'exit'.
    const ref = processRef(pid) ?? { pid, start: '' };
    const handle: RuntimeHandle = {
      instanceId: spec.instanceId,
      driver: 'process',
      ref: formatRef(ref),
      place: this.#place,
      address: `${advertiseHost}:${port}`,
    };
    this.#children.set(handle.ref, this.#watch(child, handle, ref, log));
    return handle;
  }

  #watch(process: ChildProcess, handle: RuntimeHandle, ref: ProcessRef, log: LogRing): Child {
    const ended = new Promise<void>((resolve) =>
      process.once('exit', (code, signal) => {
        child.exitCode = code ?? 128 + (signal ? constants.signals[signal] : 0);
        // Lets the guard see the end of its pipe: it kills whatever the KAMA has left in its group, and itself.
        process.stdin?.destroy();
        resolve();
      }),
    );
    // A grandchild that left the group may hold the output open for ever: it is not waited for.
    const closed = new Promise<void>((resolve) => process.once('close', () => resolve()));
    const drained = ended.then(() => Promise.race([closed, this.#clock.sleep(drainMsMax)]));
    void drained.then(() => this.#options.onExit?.(handle.instanceId));
    const child: Child = { handle, process, ref, log, exitCode: undefined, ended, drained };
    return child;
  }

  async inspect(handle: RuntimeHandle): Promise<RuntimeState> {
    const child = this.#children.get(handle.ref);
    const { address } = handle;
    if (child)
      return child.exitCode === undefined
        ? { state: 'running', address }
        : { state: 'exited', exitCode: child.exitCode, address };
    const ref = this.#foreign(handle);
    return { state: ref && isAlive(ref) ? 'running' : 'absent', address };
  }

  async stop(handle: RuntimeHandle, graceMs: number): Promise<void> {
    const child = this.#children.get(handle.ref);
    if (!child) {
      await this.#stopForeign(handle, graceMs);
      return;
    }
    if (child.exitCode === undefined) {
      child.process.kill('SIGTERM');
      const timer = setTimeout(() => killGroup(child.ref.pid), graceMs);
      await child.ended;
      clearTimeout(timer);
    }
    await child.drained;
  }

  async remove(handle: RuntimeHandle): Promise<void> {
    await this.stop(handle, 0);
    this.#children.delete(handle.ref);
    if (this.#filesDir !== undefined) await removeFolder(this.folderOf(handle.instanceId));
  }

  async logs(handle: RuntimeHandle): Promise<Buffer> {
    return this.#children.get(handle.ref)?.log.tail() ?? Buffer.alloc(0);
  }

  async list(): Promise<RuntimeHandle[]> {
    return [...this.#children.values()].map((child) => child.handle);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#children.values()].map((child) => this.remove(child.handle)));
    if (this.#filesDir !== undefined && this.#options.filesDir === undefined) await removeFolder(this.#filesDir);
  }

  /** A process that another operator on this machine started. */
  #foreign(handle: RuntimeHandle): ProcessRef | undefined {
    return handle.place === this.#place ? parseRef(handle.ref) : undefined;
  }

  async #stopForeign(handle: RuntimeHandle, graceMs: number): Promise<void> {
    const ref = this.#foreign(handle);
    if (!ref?.start || !isAlive(ref)) return;
    signal(ref, 'SIGTERM');
    await this.#gone(ref, graceMs);
    if (isAlive(ref)) killGroup(ref.pid);
    await this.#gone(ref, killWaitMs);
  }

  async #gone(ref: ProcessRef, waitMs: number): Promise<void> {
    for (const startedMs = this.#clock.monotonicMs(); isAlive(ref); await this.#clock.sleep(20))
      if (this.#clock.monotonicMs() - startedMs >= waitMs) return;
  }
}

function signal(ref: ProcessRef, name: NodeJS.Signals): void {
  try {
    if (isAlive(ref)) process.kill(ref.pid, name);
  } catch {
    // It ended between the look and the signal.
  }
}

/** The command leads its group, so its pid names the group for as long as any member lives. */
function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nobody is left in it.
  }
}
