import type { ASTNode } from '@marcbachmann/cel-js';
import { describe, expect, it } from 'vitest';
import { environment } from './cel-environment.js';
import { timeKindOf } from './cel-time-kind.js';

const treeOf = (text: string): ASTNode => environment.parse(text).ast;
const bound = new Map(
  Object.entries({ t: 'now', d: 'duration("1s")', n: '1', other: 'd' }).map(([name, text]) => [name, [treeOf(text)]]),
);

describe('timeKindOf', () => {
  it.each([
    'now',
    'licence.starts_at',
    'licence.expires_at',
    'licence.full_until',
    'licence.ends_at',
    'timestamp(version)',
    'nm_timestamp(version)',
    'now + duration("1s")',
    'duration("1s") + now',
    'now - duration("1s")',
    'now + (now - now)',
    'licence.trial ? now : duration("1s")',
    '[now, duration("1s")][0]',
    't',
    't + d',
    'd + t',
  ])('takes %s for an instant', (text) => {
    expect(timeKindOf(treeOf(text), bound)).toBe('instant');
  });

  it.each([
    'duration("1s")',
    'duration("1s") + duration("1s")',
    'duration("1s") - duration("1s")',
    'now - licence.starts_at',
    't - t',
    '(now - now) + (now - now)',
    'licence.trial ? duration("1s") : now',
    '[duration("1s"), now][0]',
    'd',
    '[d][0]',
    'licence.trial ? d : t',
  ])('takes %s for a span', (text) => {
    expect(timeKindOf(treeOf(text), bound)).toBe('span');
  });

  it.each([
    '1',
    '"now"',
    'version',
    'unbound',
    'n',
    'other',
    'licence.id',
    'licence.trial',
    'licence.unknown',
    'plan.ends_at',
    'request.now',
    'licence.ends_at.now',
    'size(version)',
    'now.getHours()',
    '!now',
    '1 + 1',
    '1 + now',
    'now - 1',
    'plan.entitlements[0]',
    '[][0]',
    '[1][0]',
    'now == now',
  ])('knows nothing of %s', (text) => {
    expect(timeKindOf(treeOf(text), bound)).toBeUndefined();
  });

  it('knows nothing of what is not there', () => {
    expect(timeKindOf(undefined, bound)).toBeUndefined();
  });
});
