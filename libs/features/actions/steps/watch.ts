import type { WaitReason } from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import { z } from 'zod';
import { RunWaits } from './run-waits.js';
import type { StepContext } from './step-context.js';

interface Pace {
  readonly reason: WaitReason;
  /** Looks come quickly at first, for what is there at once; then the run is given back between two of them. Milliseconds. */
  readonly heldMs: readonly number[];
  /** The longer it has lasted, the more seldom it is looked at: after a tenth of what has gone by, within these bounds. Milliseconds. */
  readonly againMs: { readonly min: number; readonly max: number };
}

/** How what the install's KAMA does is looked at: each look is a request through the gateway. */
export const kamaPace: Pace = {
  reason: 'kama',
  heldMs: [500, 1_000, 1_000, 2_000, 2_000, 3_000],
  againMs: { min: 5_000, max: 30_000 },
};
/** How objects and addresses are looked at. */
export const conditionPace: Pace = {
  reason: 'condition',
  heldMs: [250, 250, 500, 500, 1_000, 1_000, 1_500],
  againMs: { min: 2_000, max: 15_000 },
};

/** What is kept of a watch, beside what its step keeps: since when, and whether a worker has given it back. */
const WatchNote = z.looseObject({ since: z.iso.datetime().optional(), parked: z.boolean().optional() });
type WatchNote = z.infer<typeof WatchNote>;

/** isParked tells a step whose run was given back between two looks: taking it up again is no new attempt. */
export const isParked = (noted: unknown): boolean => WatchNote.safeParse(noted).data?.parked === true;

/** withoutWatch is what the note of a step keeps when the step is tried again: it begins to watch anew. */
export function withoutWatch(noted: unknown): object {
  const { since: _s, parked: _p, ...kept } = WatchNote.safeParse(noted).data ?? {};
  return kept;
}

export interface WatchOptions<T> {
  readonly pace: Pace;
  readonly timeoutSeconds: number;
  /** What is waited for, in words. */
  readonly forWhat: string;
  readonly look: () => Promise<T | undefined>;
  /** What the next look must know, whoever takes it; asked for when the run is given back. */
  readonly state?: () => Readonly<Record<string, unknown>>;
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

  /** @param noted what the step has kept, when it has kept something since it was taken up */
  constructor(context: StepContext, noted: unknown = context.noted) {
    this.#context = context;
    this.#note = WatchNote.safeParse(noted).data ?? {};
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
  async until<T>({ pace, timeoutSeconds, forWhat, look, state, late }: WatchOptions<T>): Promise<T> {
    const { clock, signal } = this.#context;
    // Written down with the first thing that is kept: a look that finds what it looks for keeps nothing.
    this.#note = { ...this.#note, since: this.#note.since ?? clock.now().toISOString() };
    const sinceMs = Date.parse(this.#note.since ?? '');
    const endMs = sinceMs + timeoutSeconds * 1000;
    for (let looks = this.#note.parked ? pace.heldMs.length : 0; ; looks++) {
      const found = await look();
      if (found !== undefined) return found;
      const nowMs = clock.nowMs();
      if (nowMs >= endMs) throw new Fault('run_timeout', { public: late() });
      const waitMs = pace.heldMs[looks];
      if (waitMs !== undefined) {
        await clock.sleep(Math.min(waitMs, endMs - nowMs), signal);
        continue;
      }
      await this.keep({ ...state?.(), parked: true });
      const { min, max } = pace.againMs;
      const nextMs = nowMs + Math.min(max, Math.max(min, (nowMs - sinceMs) / 10));
      throw new RunWaits(new Date(Math.min(nextMs, endMs)), forWhat, { reason: pace.reason, keepsDeadline: true });
    }
  }
}
