import { Worker } from 'node:worker_threads';
import { type Bundle, KindTable, openPortable } from '@nm/kama-sdk';
import { Fault } from '@nm/kernel/fault';
import type { Compiled } from './compile-worker.js';

export interface CompileLimits {
  /** Of one bundle, once it has its turn. Milliseconds. */
  readonly timeMsMax: number;
  /** Of the thread's heap. MiB. */
  readonly heapMib: number;
}

/** The worst bundle that is within the limits of the SDK takes about a second of processor time; a busy machine gives that much later. */
const defaults: CompileLimits = { timeMsMax: 60_000, heapMib: 256 };

interface Task {
  readonly text: string;
  readonly resolve: (bundle: Bundle) => void;
  readonly reject: (fault: Fault) => void;
}

/**
 * CompileThread compiles packed bundles beside the event loop, one after the other; a bundle that takes too much time or memory ends the thread, and the next
 * one gets a new thread.
 */
export class CompileThread {
  readonly #limits: CompileLimits;
  readonly #kinds = new KindTable();
  readonly #waiting: Task[] = [];
  #worker: Worker | undefined;
  #task: Task | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(limits: Partial<CompileLimits> = {}) {
    this.#limits = { ...defaults, ...limits };
  }

  /** compile gives the bundle that a text packs. @throws Fault bundle_invalid */
  compile(text: string): Promise<Bundle> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ text, resolve, reject });
      this.#next();
    });
  }

  /** close ends the thread; what waits is refused. */
  async close(): Promise<void> {
    for (const task of [...this.#waiting.splice(0), this.#done()]) task?.reject(new Fault('draining'));
    await this.#worker?.terminate();
  }

  #next(): void {
    if (this.#task) return;
    this.#task = this.#waiting.shift();
    if (!this.#task) return;
    const worker = this.#worker ?? this.#start();
    this.#worker = worker;
    worker.postMessage(this.#task.text);
    this.#timer = setTimeout(() => {
      this.#lose(worker, 'time');
      void worker.terminate();
    }, this.#limits.timeMsMax);
  }

  #start(): Worker {
    const worker = new Worker(new URL('./compile-worker.js', import.meta.url), {
      env: {},
      resourceLimits: { maxOldGenerationSizeMb: this.#limits.heapMib },
    });
    worker.unref();
    worker.on('message', (compiled: Compiled) => {
      // What an ended thread had still said is not about the bundle of now.
      if (this.#worker === worker) this.#finish(compiled);
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

  #finish(compiled: Compiled): void {
    const task = this.#done();
    if ('bundle' in compiled) task?.resolve(openPortable(compiled.bundle, this.#kinds));
    else task?.reject(new Fault(compiled.fault.code, { public: compiled.fault.public, extra: compiled.fault.extra }));
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
