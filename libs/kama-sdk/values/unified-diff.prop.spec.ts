import fc from 'fast-check';
import { expect, it } from 'vitest';
import { unifiedDiff } from './unified-diff.js';

const names = ['old', 'new'] as const;
const lines = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 30 });
const text = (list: readonly string[]): string => list.map((line) => `${line}\n`).join('');

/** patched applies a diff, as `patch` does. */
function patched(old: readonly string[], diff: string): string[] {
  const result: string[] = [];
  let at = 0;
  for (const line of diff.split('\n').slice(2, -1)) {
    const [, from, count] = /^@@ -(\d+)(?:,(\d+))? /.exec(line) ?? [];
    if (from !== undefined) {
      const start = count === '0' ? Number(from) : Number(from) - 1;
      result.push(...old.slice(at, start));
      at = start;
    } else if (line.startsWith('+')) result.push(line.slice(1));
    else {
      expect(old[at]).toBe(line.slice(1));
      if (line.startsWith(' ')) result.push(line.slice(1));
      at++;
    }
  }
  return [...result, ...old.slice(at)];
}

it('turns the old text into the new one when it is applied, and says nothing of equal texts', () => {
  fc.assert(
    fc.property(lines, lines, (old, now) => {
      const diff = unifiedDiff(text(old), text(now), names);
      if (text(old) === text(now)) expect(diff).toBe('');
      else expect(patched(old, diff)).toEqual(now);
    }),
  );
});

it('prints what diff -u prints', () => {
  expect(unifiedDiff('a\nb\nc\n', 'a\nx\nc\n', names)).toBe('--- old\n+++ new\n@@ -1,3 +1,3 @@\n a\n-b\n+x\n c\n');
  expect(unifiedDiff('', 'a\n', names)).toBe('--- old\n+++ new\n@@ -0,0 +1 @@\n+a\n');
});
