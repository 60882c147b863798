import { type Condition } from '@nm/kernel/contracts';
import { type PlanIssue, refIssues } from '../plan/plan-issue.js';
import { conditionHolds, leaves } from './condition.js';
import type { StepKindSpec } from './step-kind.js';
import { lastOf, untilSettled } from './until-settled.js';

/** Waits until a condition on objects holds. */
export const waitForKind: StepKindSpec<'wait-for'> = {
  preview: 'reads',
  check: ({ condition }, path) => conditionIssues(condition, `${path}.condition`),
  needs: async ({ condition }, needs) => {
    for (const { condition: leaf } of leaves(condition, ''))
      if ('object' in leaf) await needs.object(leaf.object, ['get']);
  },
  execute: async ({ condition, timeoutSeconds }, context) => {
    let last = lastOf(context.noted);
    const look = async (): Promise<true | undefined> => {
      const { holds, because } = await conditionHolds(condition, context);
      if (because !== last) await context.log(because);
      last = because;
      return holds ? true : undefined;
    };
    const forWhat = 'a condition to hold';
    await untilSettled(context, { look, late: () => last, state: () => ({ last }), timeoutSeconds, forWhat });
    return { because: last };
  },
};

/** Steps do not change while this one waits. */
const conditionIssues = (condition: Condition, path: string): PlanIssue[] =>
  leaves(condition, path).flatMap((leaf) =>
    'object' in leaf.condition
      ? refIssues(leaf.condition.object, `${leaf.path}.object`)
      : [{ path: `${leaf.path}.step`, message: 'a step is not worth waiting for: use "when"' }],
  );
