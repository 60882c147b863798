import { Fault } from '@nm/kernel/fault';
import type { Clock } from '@nm/kernel/time';
import type { Share } from './turns.js';

/** What the evaluation for one request may cost. */
export interface BudgetLimits {
  readonly timeMs: number;
  /** Attributes and values looked at. */
  readonly steps: number;
  /** Values within values, references included. */
  readonly depth: number;
  /** Of the answer, as JSON. */
  readonly outputBytes: number;
  /** Calls to the cluster, the templating engine and HTTP. */
  readonly calls: number;
}

export const defaultBudget: BudgetLimits = {
  timeMs: 10_000,
  steps: 50_000,
  depth: 100,
  outputBytes: 4 * 1024 * 1024,
  calls: 100,
};

/** The clock is read once in so many steps. */
const stepsBetweenLooks = 16;
const workMsMax = 5;

/** Where an evaluation is: for the sentence of a fault. */
export interface Standing {
  readonly descriptor: string;
  readonly attribute?: string;
  readonly file?: string;
  readonly line?: number;
}

/** Budget counts what an evaluation has cost, and stops it. */
export class Budget {
  readonly #limits: BudgetLimits;
  readonly #clock: Clock;
  readonly #startedMs: number;
  readonly #caller: AbortSignal | undefined;
  readonly #share: Share | undefined;
  #lookedMs: number;
  #due = false;
  #steps = 0;
  #calls = 0;

  constructor(clock: Clock, limits: Partial<BudgetLimits> = {}, caller?: AbortSignal, share?: Share) {
    this.#limits = { ...defaultBudget, ...limits };
    this.#clock = clock;
    this.#startedMs = clock.monotonicMs();
    this.#caller = caller;
    this.#share = share;
    this.#lookedMs = this.#startedMs;
  }

  /** step counts one value looked at. @throws Fault evaluation_limit */
  step(depth: number, standing: () => Standing): void {
    this.#steps += 1;
    if (this.#steps > this.#limits.steps) throw exceeded(`more than ${this.#limits.steps} steps`, standing());
    if (depth > this.#limits.depth) throw exceeded(`nested deeper than ${this.#limits.depth}`, standing());
    // The clock is read now and then only: most steps take a microsecond.
    if (this.#steps % stepsBetweenLooks === 0) this.checkTime(standing);
  }

  /** pause is there when it is another evaluation's turn. */
  pause(): Promise<void> | undefined {
    if (!this.#due || !this.#share) return undefined;
    this.#due = false;
    return this.#share.pause();
  }

  checkTime(standing: () => Standing): void {
    if (this.#caller?.aborted) throw exceeded('the request was given up', standing());
    this.#note();
    if (this.leftMs() <= 0) throw exceeded(`longer than ${this.#limits.timeMs} ms`, standing());
  }

  /** What passes between two looks is work, unless it is long: then it was waiting, for a cluster or for a turn. */
  #note(): void {
    if (!this.#share) return;
    const nowMs = this.#clock.monotonicMs();
    if (this.#share.worked(Math.min(nowMs - this.#lookedMs, workMsMax))) this.#due = true;
    this.#lookedMs = nowMs;
  }

  /** call counts one call to the outside, and gives the signal that ends it in time. @throws Fault evaluation_limit */
  call(standing: () => Standing): AbortSignal {
    this.checkTime(standing);
    this.#calls += 1;
    if (this.#calls > this.#limits.calls) throw exceeded(`more than ${this.#limits.calls} calls`, standing());
    const deadline = AbortSignal.timeout(Math.max(1, Math.ceil(this.leftMs())));
    return this.#caller ? AbortSignal.any([this.#caller, deadline]) : deadline;
  }

  /** output refuses an answer that is too large. @throws Fault evaluation_limit */
  output<T>(value: T, standing: () => Standing): T {
    const size = Buffer.byteLength(JSON.stringify(value) ?? '');
    if (size > this.#limits.outputBytes) throw exceeded(`more than ${this.#limits.outputBytes} bytes`, standing());
    return value;
  }

  leftMs(): number {
    return this.#limits.timeMs - (this.#clock.monotonicMs() - this.#startedMs);
  }

  get steps(): number {
    return this.#steps;
  }
}

/** placed is a standing as words: `"app.x", attribute "title" (descriptors/a.yaml:3)`. */
export const placed = ({ descriptor, attribute, file, line }: Standing): string =>
  `"${descriptor}"${attribute === undefined ? '' : `, attribute "${attribute}"`}${file === undefined ? '' : ` (${file}:${line})`}`;

const exceeded = (what: string, standing: Standing): Fault =>
  new Fault('evaluation_limit', {
    public: `Evaluating ${placed(standing)} was stopped: ${what}.`,
    extra: { ...standing },
  });
