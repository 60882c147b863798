import { Fault } from '@nm/kernel/fault';
import { z } from 'zod';
import { RunWaits } from './run-waits.js';
import type { StepContext } from './step-context.js';

/** Looks come quickly at first, for what is there at once; then the run is given back between two of them. Milliseconds. */
const heldMs = [500, 1_000, 1_000, 2_000, 2_000, 3_000];
/** The longer it has lasted, the more seldom it is looked at: after a tenth of what has gone by, within these bounds. Milliseconds. */
const againMs = { min: 5_000, max: 30_000 };

/** What is kept of a watch, beside what its step keeps: since when, whether a worker has given it back, and how often the step has failed before. */
const WatchNote = z.looseObject({
  since: z.iso.datetime().optional(),
  parked: z.boolean().optional(),
  failed: z.number().int().default(0),
});
type WatchNote = z.infer<typeof WatchNote>;

/** isParked tells a step whose run was given back between two looks: taking it up again is no new attempt. */
export const isParked = (noted: unknown): boolean => WatchNote.safeParse(noted).data?.parked === true;

interface WatchOptions<T> {
  readonly timeoutSeconds: number;
  /** What is waited for, in words. */
  readonly forWhat: string;
  readonly look: () => Promise<T | undefined>;
  /** What to say when it has taken too long. */
  readonly late: () => string;
}

/**
 * Watch looks again and again at something outside that takes its time. A worker does so itself for some seconds; then the run is given back between looks, with a time at
 * which the next is due. What it must know is in the step's note, by the wall clock, so that any worker may take the next look.
 */
export class Watch {
  readonly #context: StepContext;
  #note: WatchNote;

  constructor(context: StepContext) {
    this.#context = context;
    this.#note = WatchNote.safeParse(context.noted).data ?? { failed: 0 };
  }

  /** What the step has kept. */
  get kept(): Readonly<Record<string, unknown>> {
    return this.#note;
  }

  /** Whether nobody has looked yet in this attempt. */
  get isNew(): boolean {
    return this.#note.since === undefined;
  }

  /** keep changes what the step must know, whoever takes the next look. */
  async keep(change: Readonly<Record<string, unknown>>): Promise<void> {
    const next = { ...this.#note, ...change };
    if (JSON.stringify(next) === JSON.stringify(this.#note)) return;
    this.#note = next;
    await this.#context.note(JSON.parse(JSON.stringify(next)));
  }

  /** until looks until the look gives something. @throws RunWaits; Fault run_timeout; what the look throws */
  async until<T>(options: WatchOptions<T>): Promise<T> {
    if (this.isNew) await this.keep({ since: this.#context.clock.now().toISOString() });
    try {
      return await this.#look(options);
    } catch (error) {
      if (error instanceof RunWaits || this.#context.signal.aborted) throw error;
      // Tried again, the step begins anew.
      await this.keep({ since: undefined, parked: undefined, failed: this.#note.failed + 1 });
      throw error;
    }
  }

  async #look<T>({ timeoutSeconds, forWhat, look, late }: WatchOptions<T>): Promise<T> {
    const { clock, signal } = this.#context;
    const sinceMs = Date.parse(this.#note.since ?? '');
    const endMs = sinceMs + timeoutSeconds * 1000;
    for (let looks = this.#note.parked ? heldMs.length : 0; ; looks++) {
      const found = await look();
      if (found !== undefined) return found;
      const nowMs = clock.nowMs();
      if (nowMs >= endMs) throw new Fault('run_timeout', { public: late() });
      const waitMs = heldMs[looks];
      if (waitMs !== undefined) {
        await clock.sleep(Math.min(waitMs, endMs - nowMs), signal);
        continue;
      }
      await this.keep({ parked: true });
      const nextMs = nowMs + Math.min(againMs.max, Math.max(againMs.min, (nowMs - sinceMs) / 10));
      throw new RunWaits(new Date(Math.min(nextMs, endMs)), forWhat, { reason: 'kama', keepsDeadline: true });
    }
  }
}
