import { Fault } from '@nm/kernel/fault';
import { z } from 'zod';
import { RunWaits } from './run-waits.js';
import type { StepKindSpec } from './step-kind.js';

/** What is kept of an approval: since when it waits, and what a person said. */
export const ApprovalNote = z.object({
  askedAt: z.iso.datetime(),
  decision: z.enum(['approved', 'declined']).optional(),
  by: z.string().optional(),
  comment: z.string().optional(),
});
export type ApprovalNote = z.infer<typeof ApprovalNote>;

/** Waits for a person. The run is given back meanwhile: nothing runs, and no worker is held, while people think. */
export const approvalKind: StepKindSpec<'approval'> = {
  preview: 'reads',
  needs: () => undefined,
  execute: async (step, context) => {
    const { clock } = context;
    const found = ApprovalNote.safeParse(context.noted);
    const note = found.success ? found.data : { askedAt: clock.now().toISOString() };
    if (!found.success) {
      await context.note(note);
      await context.log('Waiting for approval');
    }
    const said = `${note.by ?? 'somebody'}${note.comment ? `: ${note.comment}` : ''}`;
    if (note.decision === 'approved') {
      await context.log(`Approved by ${said}`);
      return note;
    }
    if (note.decision === 'declined')
      throw new Fault('approval_declined', { public: `The run was declined by ${said}.` });
    const untilMs = Date.parse(note.askedAt) + step.timeoutSeconds * 1000;
    if (clock.nowMs() >= untilMs) throw new Fault('approval_expired');
    throw new RunWaits(new Date(untilMs), step.message);
  },
};
