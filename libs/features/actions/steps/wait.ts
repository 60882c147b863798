import { z } from 'zod';
import { RunWaits } from './run-waits.js';
import type { StepKindSpec } from './step-kind.js';

/** So long a worker waits itself; for longer the run is given back. Milliseconds. */
const heldMsMax = 15_000;
const WaitNote = z.object({ until: z.iso.datetime() });

/** Lets time pass. The end is written down first, so that a crash in between does not begin it anew. */
export const waitKind: StepKindSpec<'wait'> = {
  preview: 'reads',
  needs: () => undefined,
  execute: async ({ seconds }, context) => {
    const { clock, noted, signal } = context;
    if (seconds === 0) return { seconds };
    const known = WaitNote.safeParse(noted).data;
    const until = known ? new Date(known.until) : new Date(clock.nowMs() + seconds * 1000);
    if (!known) await context.note({ until: until.toISOString() });
    const leftMs = until.getTime() - clock.nowMs();
    if (leftMs > heldMsMax) throw new RunWaits(until, `${seconds} s to pass`, { reason: 'time' });
    if (leftMs > 0) await clock.sleep(leftMs, signal);
    return { seconds };
  },
};
