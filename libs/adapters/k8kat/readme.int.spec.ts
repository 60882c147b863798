import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const read = (name: string) => readFile(join(import.meta.dirname, name), 'utf8');
const withoutIndent = (text: string): string =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .join('\n');

it('has no snippet in the README that the specs do not run', async () => {
  const readme = await read('README.md');
  const tested = withoutIndent(await read('readme-node.cluster.spec.ts'));
  const snippets = [...readme.matchAll(/^```ts\n(.*?)^```/gms)].map(([, snippet = '']) => withoutIndent(snippet));
  expect(snippets.length).toBeGreaterThanOrEqual(3);
  for (const snippet of snippets) expect(tested).toContain(snippet);
});

it('names a spec that exists for every claim of the comparison', async () => {
  const rows = (await read('README.md'))
    .split('\n')
    .filter((line) => line.startsWith('| ') && line.includes('.spec.ts'));
  expect(rows.length).toBeGreaterThan(25);
  for (const row of rows) for (const [, spec = ''] of row.matchAll(/`([\w./-]+\.spec\.ts)`/g)) await read(spec);
});
