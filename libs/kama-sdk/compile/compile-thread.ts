import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { Fault } from '@nm/kernel/fault';
import { type Bundle, openPortable } from '../descriptors/bundle.js';
import { KindTable } from '../kinds/kind-table.js';
import type { Compiled, CompileTask, Verdict } from './compile-worker.js';

export interface CompileLimits {
  /** Of one bundle, once it has its turn. Milliseconds. */
  readonly timeMsMax: number;
  /** The same on the processor: what else the machine does takes nothing of it. Milliseconds. */
  readonly cpuMsMax: number;
  /** Of the thread's heap. MiB. */
  readonly heapMib: number;
}

/** The worst bundle that is within the limits of the SDK takes about a second of processor time; a busy machine gives that much later. */
const defaults: CompileLimits = { timeMsMax: 60_000, cpuMsMax: Number.POSITIVE_INFINITY, heapMib: 256 };

const cpuLookMs = 50;

type Done = Extract<Compiled, { bundle: unknown } | { verdict: unknown }>;

interface Task extends CompileTask {
  readonly resolve: (done: Done) => void;
  readonly reject: (fault: Fault) => void;
}

/**
 * CompileThread compiles packed bundles beside the event loop, one after the other; a bundle that takes too much time or memory ends the thread, and the next
 * one gets a new thread.
 */
export class CompileThread {
  readonly #limits: CompileLimits;
  readonly #file: URL;
  readonly #kinds = new KindTable();
  readonly #waiting: Task[] = [];
  #worker: Worker | undefined;
  #task: Task | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** @param file the far side as it is built; Node cannot run it from its source */
  constructor(limits: Partial<CompileLimits> = {}, file = new URL('./compile-worker.js', import.meta.url)) {
    this.#limits = { ...defaults, ...limits };
    this.#file = file;
  }

  /** compile gives the bundle that a text packs. @throws Fault bundle_invalid */
  async compile(text: string): Promise<Bundle> {
    const done = await this.#ask(Buffer.from(text), 'bundle');
    return openPortable((done as Extract<Done, { bundle: unknown }>).bundle, this.#kinds);
  }

  /** vet reads packed bytes as a host will, and refuses what the linter refuses. @throws Fault bundle_invalid */
  async vet(bytes: Uint8Array): Promise<Verdict> {
    return ((await this.#ask(bytes, 'verdict')) as Extract<Done, { verdict: unknown }>).verdict;
  }

  /** close ends the thread; what waits is refused. */
  async close(): Promise<void> {
    for (const task of [...this.#waiting.splice(0), this.#done()]) task?.reject(new Fault('draining'));
    await this.#worker?.terminate();
  }

  #ask(bytes: Uint8Array, wanted: CompileTask['wanted']): Promise<Done> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ bytes, wanted, resolve, reject });
      this.#next();
    });
  }

  #next(): void {
    if (this.#task) return;
    this.#task = this.#waiting.shift();
    if (!this.#task) return;
    const worker = this.#worker ?? this.#start();
    this.#worker = worker;
    const { bytes, wanted } = this.#task;
    worker.postMessage({ bytes, wanted } satisfies CompileTask);
    this.#timer = setTimeout(() => this.#stop(worker), this.#limits.timeMsMax);
  }

  #stop(worker: Worker): void {
    this.#lose(worker, 'time');
    void worker.terminate();
  }

  /** A thread counts its processor time from its start, which is not the bundle's. */
  async #watchCpu(worker: Worker, task: Task | undefined): Promise<void> {
    if (this.#limits.cpuMsMax === Number.POSITIVE_INFINITY) return;
    try {
      const before = await worker.cpuUsage();
      while (this.#task === task) {
        const { user, system } = await worker.cpuUsage(before);
        if (this.#task === task && (user + system) / 1_000 > this.#limits.cpuMsMax) this.#stop(worker);
        await sleep(cpuLookMs, undefined, { ref: false });
      }
    } catch {
      // The thread is gone, which its own events tell.
    }
  }

  #start(): Worker {
    const worker = new Worker(this.#file, {
      env: {},
      resourceLimits: { maxOldGenerationSizeMb: this.#limits.heapMib },
    });
    worker.unref();
    worker.on('message', (compiled: Compiled) => {
      // What an ended thread had still said is not about the bundle of now.
      if (this.#worker !== worker) return;
      if ('began' in compiled) void this.#watchCpu(worker, this.#task);
      else this.#finish(compiled);
    });
    const ended = (): void => this.#lose(worker, 'memory');
    worker.once('error', ended).once('exit', ended);
    return worker;
  }

  /** What was being compiled; nothing is, from now on. */
  #done(): Task | undefined {
    const task = this.#task;
    this.#task = undefined;
    clearTimeout(this.#timer);
    return task;
  }

  #finish(compiled: Exclude<Compiled, { began: true }>): void {
    const task = this.#done();
    if ('fault' in compiled)
      task?.reject(new Fault(compiled.fault.code, { public: compiled.fault.public, extra: compiled.fault.extra }));
    else task?.resolve(compiled);
    this.#next();
  }

  /** The thread is gone, and with it the bundle that it was at. */
  #lose(worker: Worker, what: string): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    this.#done()?.reject(
      new Fault('bundle_invalid', {
        public: `The bundle cannot be read: it takes more ${what} than any bundle may.`,
        extra: { findings: [] },
      }),
    );
    this.#next();
  }
}
