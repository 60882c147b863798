import { describe, expect, it } from 'vitest';
import { mayGroupOtherwise, requireAgreement } from './cel-agreement.js';
import { environment } from './cel-environment.js';
import { ExpressionError } from './expression-error.js';

const treeOf = (text: string) => environment.parse(text).ast;
/** Why a tree is not that of a text, and where in the tree. */
const refusal = (text: string, tree: string): [string, number] | undefined => {
  try {
    requireAgreement(text, treeOf(tree));
  } catch (error) {
    if (error instanceof ExpressionError) return [error.message, error.offset];
    throw error;
  }
  return undefined;
};
const otherwise = 'CEL reads this differently: write it in another way, or with brackets.';
const brackets = 'Put brackets around one of these comparisons: CEL groups them from left to right.';

/** In each row, each of another meaning than all others. The first row has one of each kind, the rest differ by one thing. */
const different = [
  [
    '1',
    '"a"',
    'true',
    'a',
    'a.b',
    'has(a.b)',
    '[a]',
    'f(a)',
    'a.f()',
    'a.f(x, b)',
    '!a',
    '-a',
    'a ? b : c',
    'a + b',
    'a[b]',
    'a && b',
    '[a].all(x, b)',
  ],
  ['true', 'false', '1', '2', '1.0', '1.5', '"1"', '"a"', '""', '-1', '-1.0', '0.0', '-0.0'],
  ['a', 'b', 'a.b', 'a.c', 'b.b', 'a.b.c', 'has(a.b)', 'has(a.c)', 'has(b.b)', '"a".b'],
  ['[]', '[a]', '[b]', '[a, b]', '[b, a]', '[[a], b]', 'a[b]', 'b[a]', 'a[0]', '[a][0]'],
  ['f()', 'f(a)', 'g(a)', 'f(b)', 'f(a, b)', 'a.f()', 'b.f()', 'a.g()', 'a.f(b)', 'b.f(a)', 'a.f(b, a)'],
  ['!a', '-a', '!b', '-b', 'a ? b : c', 'b ? a : c', 'a ? c : b', 'a + b', 'b + a', 'a - b', 'a * b', 'a / b', 'a % b'],
  ['a == b', 'a != b', 'a < b', 'a <= b', 'a > b', 'a >= b', 'a in b', 'b in a', '(a == b) == c', 'a == (b == c)'],
  ['a && b', 'b && a', 'a || b', 'b || a', 'a && b && c', 'a || b || c', 'a && (b || c)', 'a && b || c', 'a && c && b'],
  ['[a].exists(x, x)', '[b].exists(x, x)', '[a].exists(y, y)', '[a].exists(x, b)', '[a].exists(x, !x)'],
  ['[a].all(x, x)', '[a].exists_one(x, x)', '[a].all(y, y)', '[a].exists_one(y, y)', '[a, b].all(x, x)'],
  ['[a].exists_one(x, b)', '[a].all(x, b)', 'a || x', 'a && x', '!a || x'],
];

describe('requireAgreement', () => {
  it('takes each expression for itself and for no other one', () => {
    for (const row of different)
      for (const text of row) expect(row.filter((tree) => refusal(text, tree) === undefined)).toEqual([text]);
  });

  it.each([
    ['a', '!!a'],
    ['a', '!(!(!!a))'],
    ['!a', '!!!a'],
    ['--a', 'a'],
    ['-(-(-a))', '-a'],
    ['a && b && c && d', 'a && (b && (c && d))'],
    ['(a || b) || (c || d)', 'a || b || c || d'],
    ['!!(a && b) && c', 'a && !!(b && c)'],
    ['(a)', 'a'],
    ["'a'", '"a"'],
    ['0x10', '16'],
  ])('reads %s and %s alike', (text, tree) => {
    expect(refusal(text, tree)).toBeUndefined();
    expect(refusal(tree, text)).toBeUndefined();
  });

  it('names the first place at which the two part, and asks for brackets at comparisons', () => {
    expect(refusal('f(a, b)', 'f(a, c)')).toEqual([otherwise, 5]);
    expect(refusal('a && b.c', 'a && b.d')).toEqual([otherwise, 5]);
    expect(refusal('[a, b]', '[a, b, c]')).toEqual([otherwise, 0]);
    for (const op of ['==', '!=', '<', '<=', '>', '>=', 'in'])
      expect(refusal('!(a + b)', `!(a ${op} b)`)).toEqual([brackets, 2]);
  });

  it('says what is not CEL, and where', () => {
    const [message, offset] = refusal('a ? b ? c : d : e', 'a') ?? [];
    expect([message, offset]).toEqual([expect.stringMatching(/^CEL does not read this: \S.+\.$/), 2]);
  });
});

describe('mayGroupOtherwise', () => {
  it('finds an equality with an order or a membership on its right, however deep', () => {
    for (const op of ['==', '!='])
      for (const right of ['<', '<=', '>', '>=', 'in'])
        for (const around of [
          'it',
          '!it',
          'f(it)',
          'a.f(b, it)',
          '[a, it]',
          'a ? b : it',
          'a && (b || it)',
          '[it].all(x, x)',
        ])
          expect(mayGroupOtherwise(treeOf(around.replace('it', `(a ${op} (b ${right} c))`)))).toBe(true);
  });

  it('passes what can be read in one way', () => {
    for (const text of ['a', 'a == b', 'a < b == c', 'a == b == c', 'a == (b != c)', 'a < (b == c)', 'a == b && c < d'])
      expect([text, mayGroupOtherwise(treeOf(text))]).toEqual([text, false]);
  });
});
