import { Worker } from 'node:worker_threads';
import { Fault } from '@nm/kernel/fault';
import { type Clock, systemClock } from '@nm/kernel/time';
import type { Answer, Job, Request, WorkerSettings } from './template-worker.js';

export interface TemplateLimits {
  /** Threads; each runs one job at a time. */
  readonly workersMax: number;
  /** Of one job, its waiting not counted. */
  readonly timeoutMs: number;
  /** Of each engine in each thread. */
  readonly memoryMib: number;
  readonly inputCharsMax: number;
  readonly outputCharsMax: number;
  /** Steps of one Jinja template. */
  readonly fuel: number;
  /** Jobs of one tenant that may wait. */
  readonly waitingMax: number;
  /** Told how long a tenant's job held its thread, in milliseconds, however it ended. */
  readonly onWorked?: (tenant: string, ms: number) => void;
}

const defaults: TemplateLimits = {
  workersMax: 2,
  timeoutMs: 1_500,
  memoryMib: 64,
  inputCharsMax: 4_000_000,
  outputCharsMax: 1_000_000,
  fuel: 2_000_000,
  waitingMax: 500,
};

interface Task {
  readonly tenant: string;
  readonly job: Job;
  readonly resolve: (output: string) => void;
  readonly reject: (fault: Fault) => void;
}

interface Thread {
  readonly worker: Worker;
  readonly ready: Promise<void>;
  task: Task | undefined;
  /** Ends the thread when its job takes too long. */
  timer: NodeJS.Timeout | undefined;
  /** When the job was given to the thread. */
  beganMs: number;
}

// The same file stands in the build as JavaScript; a test runs it from its source.
const workerFile = new URL(
  import.meta.url.endsWith('.ts') ? './template-worker.ts' : './template-worker.js',
  import.meta.url,
);
/** A thread that comes up compiles its engines first; that does not count against a job. */
const startMs = 60_000;
/** What it takes to put another thread in the place of one that was ended; whoever made that necessary pays for it. */
const restartMs = 500;

/**
 * TemplateWorkers evaluates jq programs and Jinja templates of others: in WebAssembly, in threads of their own, bounded in time, memory and output. They
 * have no access to files, the network, the environment or objects of ours: text goes in, text comes out. Tenants take turns.
 */
export class TemplateWorkers {
  readonly #limits: TemplateLimits;
  readonly #waiting = new Map<string, Task[]>();
  readonly #threads = new Set<Thread>();
  readonly #clock: Clock;
  #closed = false;
  #sequence = 0;

  constructor(limits: Partial<TemplateLimits> = {}, clock: Clock = systemClock) {
    this.#clock = clock;
    this.#limits = { ...defaults, ...limits };
  }

  /**
   * jq runs a program on a value and gives all that it puts out, or the first of it.
   * @throws Fault template_failed (the program does not compile, or not suit the value), template_limit
   */
  async jq(program: string, input: unknown, options: { many?: boolean; tenant?: string } = {}): Promise<unknown> {
    const many = options.many ?? false;
    const job: Job = { engine: 'jq', program, input: this.#encode(input), many };
    const lines = (await this.#run(job, options.tenant)).split('\n').filter((line) => line !== '');
    const values = lines.map((line) => JSON.parse(line) as unknown);
    return many ? values : (values[0] ?? null);
  }

  /** jinja renders a template. @throws Fault template_failed, template_limit */
  jinja(template: string, values: unknown, options: { tenant?: string } = {}): Promise<string> {
    return this.#run({ engine: 'jinja', template, values: this.#encode(values) }, options.tenant);
  }

  /** close ends the threads; what waits is refused. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const tasks of this.#waiting.values())
      for (const task of tasks) task.reject(limit('the engine is shutting down'));
    this.#waiting.clear();
    await Promise.all([...this.#threads].map(({ worker }) => worker.terminate()));
  }

  #encode(value: unknown): string {
    const text = JSON.stringify(value ?? null);
    if (text.length > this.#limits.inputCharsMax)
      throw limit(`more than ${this.#limits.inputCharsMax} characters go in`);
    return text;
  }

  #run(job: Job, tenant = ''): Promise<string> {
    return new Promise((resolve, reject) => {
      const tasks = this.#waiting.get(tenant) ?? [];
      if (this.#closed) return reject(limit('the engine is shutting down'));
      if (tasks.length >= this.#limits.waitingMax) return reject(limit('too many evaluations wait'));
      tasks.push({ tenant, job, resolve, reject });
      this.#waiting.set(tenant, tasks);
      this.#dispatch();
    });
  }

  /** next takes from the tenant who has waited longest since its last turn. None may hold every thread: one stays for the others. */
  #next(): Task | undefined {
    for (const [tenant, tasks] of this.#waiting) {
      if (this.#heldBy(tenant) >= Math.max(1, this.#limits.workersMax - 1)) continue;
      const task = tasks.shift();
      this.#waiting.delete(tenant);
      if (tasks.length > 0) this.#waiting.set(tenant, tasks);
      if (task) return task;
    }
    return undefined;
  }

  #heldBy(tenant: string): number {
    let held = 0;
    for (const { task } of this.#threads) if (task?.tenant === tenant) held += 1;
    return held;
  }

  #dispatch(): void {
    while (!this.#closed && this.#waiting.size > 0) {
      const idle = [...this.#threads].find(({ task }) => !task);
      if (!idle && this.#threads.size >= this.#limits.workersMax) return;
      const task = this.#next();
      if (!task) return;
      void this.#give(idle ?? this.#start(), task);
    }
  }

  #start(): Thread {
    const settings: WorkerSettings = { memoryMib: this.#limits.memoryMib, fuel: this.#limits.fuel };
    const worker = new Worker(workerFile, {
      workerData: settings,
      env: {},
      stdin: false,
      stdout: true,
      stderr: true,
      resourceLimits: { maxOldGenerationSizeMb: this.#limits.memoryMib, maxYoungGenerationSizeMb: 16 },
    });
    // What an engine prints when it gives up is of no use to anybody.
    worker.stdout.resume();
    worker.stderr.resume();
    worker.unref();
    const thread: Thread = { worker, ready: readiness(worker), task: undefined, timer: undefined, beganMs: 0 };
    worker.on('message', (answer: Answer | 'ready') => {
      if (answer !== 'ready') this.#finish(thread, answer);
    });
    worker.on('error', () => this.#drop(thread, limit('the evaluation ran out of memory')));
    worker.on('exit', () => this.#drop(thread, limit('the evaluation ran out of memory')));
    this.#threads.add(thread);
    return thread;
  }

  async #give(thread: Thread, task: Task): Promise<void> {
    thread.task = task;
    thread.worker.ref();
    await thread.ready;
    if (thread.task !== task) return;
    thread.timer = setTimeout(() => {
      this.#drop(thread, limit(`the evaluation took longer than ${this.#limits.timeoutMs} ms`));
      void thread.worker.terminate();
    }, this.#limits.timeoutMs);
    this.#sequence += 1;
    thread.beganMs = this.#clock.monotonicMs();
    const request: Request = { id: this.#sequence, job: task.job, outputCharsMax: this.#limits.outputCharsMax };
    thread.worker.postMessage(request);
  }

  /** release takes a thread's job from it, and has it paid for. */
  #release(thread: Thread): Task | undefined {
    const { task } = thread;
    thread.task = undefined;
    clearTimeout(thread.timer);
    if (task && thread.timer) this.#limits.onWorked?.(task.tenant, this.#clock.monotonicMs() - thread.beganMs);
    thread.timer = undefined;
    return task;
  }

  #finish(thread: Thread, answer: Answer): void {
    const task = this.#release(thread);
    thread.worker.unref();
    if ('output' in answer) task?.resolve(answer.output);
    else if (answer.fault === 'too_large') task?.reject(limit(`the evaluation put out ${answer.message}`));
    else task?.reject(new Fault('template_failed', { public: `The expression failed: ${answer.message}` }));
    this.#dispatch();
  }

  #drop(thread: Thread, fault: Fault): void {
    const task = this.#release(thread);
    if (!this.#threads.delete(thread)) return;
    if (task) this.#limits.onWorked?.(task.tenant, restartMs);
    task?.reject(fault);
    this.#dispatch();
  }
}

/** readiness resolves when the thread has compiled its engines, or never will. */
function readiness(worker: Worker): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, startMs);
    timer.unref();
    const end = (): void => {
      clearTimeout(timer);
      resolve();
    };
    worker.once('message', end);
    worker.once('exit', end);
  });
}

const limit = (what: string): Fault => new Fault('template_limit', { public: `An evaluation was stopped: ${what}.` });
