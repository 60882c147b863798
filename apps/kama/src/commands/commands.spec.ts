import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unpackBundle } from '@nm/kama-sdk';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { run } from './run.js';

const example = join(import.meta.dirname, '../../../../examples/guestbook-bundle');
const simulator = (input: string, expectation: string) => `kind: OperationRunSimulator
id: app.simulator.resize
operation: app.operation.resize
steps:
  - step: size
    input: ${input}
    expect: ${expectation}
`;

describe('nmachine-kama', () => {
  let folder: string;
  let said: string[];
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'nm-kama-'));
    await cp(example, folder, { recursive: true });
    said = [];
    for (const way of ['log', 'error'] as const)
      vi.spyOn(console, way).mockImplementation((line: unknown) => void said.push(String(line)));
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    await rm(folder, { recursive: true });
  });
  const simulation = (input: string, expectation = 'positive') =>
    writeFile(join(folder, 'descriptors/simulations.yaml'), simulator(input, expectation));

  it('packs a folder into the file that its digest names, and the same folder into the same bytes', async () => {
    const out = join(folder, 'app.bundle');
    expect(await run(['pack', folder], { out })).toBe(0);
    const [first, digest] = [await readFile(out), said.at(-1)];
    expect(digest).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(unpackBundle(first).map(({ path }) => path)).toContain('descriptors/variables.yaml');
    expect(await run(['pack', folder], { out })).toBe(0);
    expect((await readFile(out)).equals(first)).toBe(true);
    expect(said.at(-1)).toBe(digest);
  });

  it("knows the digest that the example's version names", async () => {
    expect(await run(['pack', example], { out: join(folder, 'x') })).toBe(0);
    expect(JSON.parse(await readFile(join(example, 'version.json'), 'utf8'))).toMatchObject({ bundle: said.at(-1) });
  });

  it('packs nothing that the linter refuses', async () => {
    await writeFile(join(folder, 'descriptors/wrong.yaml'), 'kind: Supplier\nid: a\nsource: get::id::nowhere\n');
    expect(await run(['pack', folder], { out: join(folder, 'x') })).toBe(1);
    expect(said.join('\n')).toContain('descriptors/wrong.yaml:3:9 error unknown_reference');
    await expect(readFile(join(folder, 'x'))).rejects.toThrow();
  });

  it('explains a value by where it was written, whom it was inherited from, and its level', async () => {
    await writeFile(
      join(folder, 'descriptors/more.yaml'),
      'kind: Supplier\nid: base\nsource: { a: 1, b: 2 }\n---\nid: heir\ninherit: base\nsource: { b: 3 }\n',
    );
    expect(await run(['explain', folder, 'heir', 'source'], {})).toBe(0);
    const text = said.join('\n');
    expect(text).toContain('source.a: descriptors/more.yaml:3:14, inherited from "base"');
    expect(text).toContain('source.b: descriptors/more.yaml:7:14');
    expect(text).toContain('source = { a: 1, b: 3 }');
    said.length = 0;
    expect(await run(['explain', folder, 'web.replicas', 'title'], {})).toBe(0);
    expect(said.join('\n')).toMatch(/default_vars: 1\n[\s\S]*user_vars: -/);
  });

  it('passes a simulation that comes out as it says', async () => {
    await simulation('{ web.replicas: 6, why: "Black Friday" }');
    const code = await run(['test', folder], {});
    expect([code, said.join('\n')]).toEqual([0, expect.stringContaining('1 passed, 0 failed')]);
  });

  it('fails one that does not, with its course', async () => {
    await simulation('{ web.replicas: 21, why: "x" }');
    expect(await run(['test', folder], {})).toBe(1);
    expect(said.join('\n')).toContain('Must be at most 20, not 21');
    await simulation('{ web.replicas: 21, why: "x" }', 'invalid');
    expect(await run(['test', folder], {})).toBe(0);
    await simulation('{ web.replicas: 3, nobody: 1 }');
    expect(await run(['test', folder], {})).toBe(1);
    expect(said.join('\n')).toContain('does not ask for nobody');
  });

  it('says how it is used, for each command, and with exit code 2 when it was used otherwise', async () => {
    expect(await run(['explain', folder], {})).toBe(2);
    expect(said.at(-1)).toContain('explain <folder> <id> <attribute>');
    expect(await run(['pack'], { help: true })).toBe(0);
    expect(said.at(-1)).toContain('the same folder gives the same bytes');
    expect(await run([], {})).toBe(2);
  });
});
