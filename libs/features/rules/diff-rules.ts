import type { AccessRule, RuleDiff } from '@nm/kernel/contracts';

const byId = (rules: readonly AccessRule[]) => new Map(rules.map((rule) => [rule.id, rule]));

const fields = ['name', 'effect', 'when', 'code', 'message'] as const;

const equal = (a: AccessRule, b: AccessRule): boolean => fields.every((field) => a[field] === b[field]);

/** diffRules tells what a rule set changes against the one before; a rule is the same one while its id is. */
export function diffRules(before: readonly AccessRule[], after: readonly AccessRule[]): RuleDiff {
  const [old, now] = [byId(before), byId(after)];
  const stayed = after.filter(({ id }) => old.has(id));
  const order = before.filter(({ id }) => now.has(id));
  return {
    added: after.filter(({ id }) => !old.has(id)),
    removed: before.filter(({ id }) => !now.has(id)),
    changed: stayed.flatMap((rule) => {
      const earlier = old.get(rule.id);
      return earlier && !equal(earlier, rule) ? [{ before: earlier, after: rule }] : [];
    }),
    reordered: stayed.some(({ id }, index) => order[index]?.id !== id),
  };
}
