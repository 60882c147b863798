import { asLiteral, asLiteralSteps, RunPlan } from '@nm/kernel/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkPlan } from './check-plan.js';
import { resolveReferences } from './plan-references.js';

const variables = (merge: Record<string, unknown>) => ({ kind: 'variables', title: 'Write', merge });
const resolved = (steps: readonly unknown[], i: number) => {
  const step = RunPlan.parse({ steps }).steps[i];
  if (step?.kind !== 'variables') throw new Error('not the step');
  return resolveReferences(step, () => ({ body: '{"token":"of the step before"}' })).merge;
};
const call = { kind: 'http-request', title: 'Call', id: 'call', url: 'https://example.com/' };
const reference = { $from: 'steps.call.body.token' };

describe('values of users in a plan', () => {
  it('that look like references stay what they are once they are literals; a reference of the author is filled in', () => {
    const steps = [call, variables({ own: reference, theirs: asLiteral({ deep: [reference] }) })];
    expect(resolved(steps, 1)).toEqual({ own: 'of the step before', theirs: { deep: [reference] } });
  });

  it('that point nowhere do not make a literal plan invalid', () => {
    const wild = variables({ a: { $from: 'steps.nobody.body' }, b: { $from: 42 }, c: { $literal: { $from: 'x' } } });
    expect(() => checkPlan({ steps: [wild] })).toThrow();
    expect(checkPlan({ steps: asLiteralSteps([wild]) }).steps).toHaveLength(1);
  });

  it('come out as they went in, whatever they are, also in groups, undo steps and actions', () => {
    const key = fc.constantFrom('$from', '$literal', 'a', '__proto__');
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof({ maxDepth: 5 }, fc.constant('steps.call.body'), fc.integer(), tie('list'), tie('dict')),
      list: fc.array(tie('value'), { maxLength: 2 }),
      dict: fc.dictionary(key, tie('value'), { maxKeys: 2 }),
    }));
    fc.assert(
      fc.property(value, (theirs) => {
        const [group] = asLiteralSteps([{ kind: 'group', title: 'g', steps: [variables({ theirs })] }]) as [
          { steps: { merge: Record<string, unknown> }[] },
        ];
        const step = { kind: 'variables', title: 'Write', merge: group.steps[0]?.merge } as never;
        const out = resolveReferences<never>(step, () => 'leaked') as { merge: unknown };
        expect(JSON.stringify(out.merge)).toBe(JSON.stringify({ theirs }));
        const [around] = asLiteralSteps([{ kind: 'scale', undo: [variables({ theirs })] }]) as [{ undo: unknown[] }];
        expect(around.undo).toEqual(group.steps);
      }),
    );
  });
});
