import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');
/** The tables' own short names. */
const shortNames: Readonly<Record<string, string>> = {
  conformance: 'apps/kama/test/conformance/kama-conformance.ts',
  routes: 'apps/kama/test/kama-routes.int.spec.ts',
};
const fileOrWords = /"([^"]+)"|\b(conformance|routes)\b|((?:[\w-]+\/)*[\w.-]+\.spec)\b/g;

interface Named {
  readonly row: string;
  readonly file: string;
  readonly words: string | undefined;
}

/** What the last column of each row names: files, and words of tests in them. */
function namedIn(table: string): Named[] {
  const rows = readFileSync(join(import.meta.dirname, table), 'utf8').split('\n');
  return rows.flatMap((row) => {
    const cells = row.split(' | ');
    if (!row.startsWith('| ') || cells.length < 2) return [];
    const found: Named[] = [];
    let file: string | undefined;
    for (const [, words, short, path] of (cells.at(-1) ?? '').matchAll(fileOrWords)) {
      if (words === undefined) file = shortNames[short ?? ''] ?? fileOf(path ?? '');
      if (file !== undefined) found.push({ row, file, words });
    }
    return found;
  });
}

/** Paths are below this folder, unless they are of the project. */
const fileOf = (path: string): string =>
  [`libs/kama-sdk/${path}.ts`, `${path}.ts`].find((each) => existsSync(join(root, each))) ?? path;

describe.each(['PARITY.md', 'PORTED-TESTS.md'])('%s', (table) => {
  const named = namedIn(table);

  it('names tests that there are', () => {
    expect(named.length).toBeGreaterThan(80);
    const missing = named.filter(({ file, words }) => {
      if (!existsSync(join(root, file))) return true;
      return words !== undefined && !readFileSync(join(root, file), 'utf8').includes(words);
    });
    expect(missing.map(({ file, words, row }) => `${file} "${words ?? ''}" in ${row}`)).toEqual([]);
  });

  it('gives for every row a test or a reason', () => {
    const rows = readFileSync(join(import.meta.dirname, table), 'utf8').split('\n');
    const tested = new Set(named.map(({ row }) => row));
    const open = rows.filter((row) => row.startsWith('| ') && !/^\| (?:#|---|original|defect) /.test(row));
    // A reason is a sentence behind the dash that stands for "no test".
    const reasonless = open.filter((row) => !tested.has(row) && !/— [^|]{15,}\|$/.test(row));
    expect(reasonless).toEqual([]);
  });
});
