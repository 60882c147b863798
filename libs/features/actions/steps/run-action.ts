import { Fault } from '@nm/kernel/fault';
import { z } from 'zod';
import { isTerminal } from '../run-rules.js';
import { RunWaits } from './run-waits.js';
import type { StepContext, StepOf } from './step-context.js';
import type { StepKindSpec } from './step-kind.js';

const ChildNote = z.object({ run: z.string().optional(), failed: z.number().int().default(0) });

/** The child's own limits hold; this is only how often the parent looks though nobody has woken it. */
const lookAgainMs = 300_000;

/**
 * Runs another action as a run of its own, and gives this one back meanwhile: no worker waits for another. The child has the install while its
 * parent waits. What it may do and need is checked with the parent's plan.
 */
export const runActionKind: StepKindSpec<'run-action'> = {
  preview: { cannot: 'Its steps are previewed one by one.' },
  outputs: ['run'],
  needs: () => undefined,
  execute: async (step, context) => {
    const { clock, children } = context;
    const { run, failed } = ChildNote.safeParse(context.noted).data ?? { run: undefined, failed: 0 };
    const childId = run ?? (await begin(step, failed, context));
    const child = await children.read(childId);
    if (!isTerminal(child.status))
      throw new RunWaits(new Date(clock.nowMs() + lookAgainMs), `the action "${step.action}"`, { run: childId });
    await context.log(`The action "${step.action}" ended ${child.status}`);
    if (child.status === 'positive') return { run: childId };
    // Tried again, the step runs the action anew.
    await context.note({ failed: failed + 1 });
    throw new Fault('step_failed', {
      public: `The action "${step.action}" ended ${child.status}: ${child.error?.reason ?? 'nothing is said'}`,
      extra: { reason: 'ActionFailed', ...(child.error?.object ? { object: child.error.object } : {}) },
    });
  },
};

/** Asked again, it is the same child: its key comes of the run, the step and the attempt. */
async function begin(step: StepOf<'run-action'>, failed: number, context: StepContext): Promise<string> {
  const { action, title, plan, timeoutSeconds } = step;
  const id = await context.children.queue({ action, title, plan, timeoutSeconds, attempt: failed });
  await context.note({ run: id, failed });
  await context.log(`Runs the action "${action}" as ${id}`);
  return id;
}
