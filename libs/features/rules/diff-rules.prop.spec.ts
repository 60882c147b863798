import type { AccessRule } from '@nm/kernel/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { diffRules } from './diff-rules.js';

const rule: fc.Arbitrary<AccessRule> = fc.record({
  id: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
  name: fc.constantFrom('x', 'y'),
  effect: fc.constantFrom('allow' as const, 'deny' as const),
  when: fc.constantFrom('true', 'false'),
});
const rules = fc.uniqueArray(rule, { selector: ({ id }) => id, maxLength: 5 });

describe('diffRules', () => {
  it('says nothing about equal sets, and says something about different ones', () => {
    fc.assert(
      fc.property(rules, rules, (before, after) => {
        const { added, removed, changed, reordered } = diffRules(before, after);
        const silent = added.length + removed.length + changed.length === 0 && !reordered;
        expect(silent).toBe(JSON.stringify(before) === JSON.stringify(after));
      }),
    );
  });

  it('names all that is needed to come from one to the other', () => {
    fc.assert(
      fc.property(rules, rules, (before, after) => {
        const { added, removed, changed } = diffRules(before, after);
        const gone = new Set(removed.map(({ id }) => id));
        const other = new Map(changed.map((change) => [change.before.id, change.after]));
        const made = [...before.filter(({ id }) => !gone.has(id)).map((kept) => other.get(kept.id) ?? kept), ...added];
        const sorted = (list: AccessRule[]) => list.toSorted((a, b) => a.id.localeCompare(b.id));
        expect(sorted(made)).toEqual(sorted(after));
      }),
    );
  });

  it('tells a change of places from rules that came or went before others', () => {
    const [a, b, c] = ['a', 'b', 'c'].map((id) => ({ id, name: id, effect: 'deny', when: 'true' }) as const);
    expect(diffRules([a!, b!], [b!, a!]).reordered).toBe(true);
    expect(diffRules([a!, b!], [c!, a!, b!]).reordered).toBe(false);
    expect(diffRules([c!, a!, b!], [a!, b!]).reordered).toBe(false);
  });
});
