import { readFileSync } from 'node:fs';
import { codes } from '@nm/kernel/fault';
import { describe, expect, it } from 'vitest';
import { rulesAfter, rulesBefore } from './builtin-rules.js';
import { compileRules } from './compile-rules.js';
import { ruleDenyCodes } from './decision.js';

const guide = readFileSync(new URL('../../../docs/guides/access-rules.md', import.meta.url), 'utf8');

describe('docs/guides/access-rules.md', () => {
  it('gives examples that can be saved', () => {
    const examples = [...guide.matchAll(/```cel\n([\s\S]*?)\n```/g)].map(([, when = '']) => when);
    expect(examples.length).toBeGreaterThanOrEqual(6);
    compileRules(examples.map((when, i) => ({ id: `example-${i}`, name: when, effect: 'deny', when })));
  });

  it('shows the built-in rules as they are, in their order', () => {
    const rows = [...guide.matchAll(/^\| `(builtin:[^`]+)` \| `(.+?)` \| (\S+) \| `(\w+)` \|$/gm)].map(
      ([, id, when, effect, code]) => ({ id, when, effect, code }),
    );
    expect(rows).toEqual(
      [...rulesBefore, ...rulesAfter].map(({ id, when, effect, code }) => ({ id, when, effect, code })),
    );
  });

  it('names the status of every code', () => {
    for (const [, code = '', status] of guide.matchAll(/`(\w+)` \| (\d{3}) \|/g))
      expect([code, codes[code as keyof typeof codes]?.status]).toEqual([code, Number(status)]);
    for (const code of ruleDenyCodes) expect(guide).toMatch(new RegExp(`\`${code}\` \\| \\d{3} \\|`));
  });
});
