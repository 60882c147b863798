import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

const root = join(import.meta.dirname, '../../..');
const program = 'dist/apps/kama/src/main.js';
/** The machine's own Node, where it is older than the project's. */
const olderNode = ['/usr/local/bin/node', '/usr/bin/node'].find(
  (path) => existsSync(path) && /^v(1\d|2[0-3])\./.test(execFileSync(path, ['--version']).toString()),
);
const patience = { timeout: 60_000, interval: 50 };

const descriptors = (title = 'Cones') => `kind: KteaSpec
id: app.ktea
type: jinja
uri: shop.yaml.jinja
---
kind: ManifestVariable
id: cones
title: ${title}
info: { kind: Greeting, name: ann }
validators: [{ kind: Enough, least: 3 }]
---
kind: Operation
id: order
title: Order
steps:
  - { kind: Step, id: count, title: How many, fields: [{ variable: "id::cones" }], action: "id::sdk.action.commit_template_apply_step" }
---
kind: OperationRunSimulator
id: too-few
operation: order
steps:
  - { step: count, input: { cones: 2 }, expect: invalid }
  - { step: count, input: { cones: 4 } }
`;
const models = (word: string) => `import { definePredicate, defineSupplier } from '@nm/kama-sdk/define';
import { z } from 'zod';
import { greet } from './greet.mjs';
const greeting = defineSupplier({ kind: 'Greeting', info: 'Greets.', attributes: { name: z.string() }, supply: ({ attributes }) => greet('${word}', attributes.name) });
const enough = definePredicate({ kind: 'Enough', info: 'Enough.', attributes: { least: z.number() }, holds: ({ attributes, challenge }) => Number(challenge) >= attributes.least, reason: () => 'Too few' });
export const models = [greeting, enough];
`;
const greet = (sign: string) => `export const greet = (word, name) => \`\${word} \${name}${sign}\`;\n`;

interface Ran {
  readonly child: ChildProcess;
  said(): string;
  /** The exit code. */
  readonly ended: Promise<number | null>;
}

describe('the program as it is built', () => {
  let home: string;
  let folder: string;
  let modelsFile: string;
  const running = new Set<ChildProcess>();

  const start = (words: readonly string[], node: readonly string[] = []): Ran => {
    const child = spawn(process.execPath, [...node, program, ...words], {
      cwd: root,
      env: { PATH: process.env['PATH'], TMPDIR: home },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    running.add(child);
    let said = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        said += text;
      });
    const ended = once(child, 'close').then(([code]) => code as number | null);
    void ended.then(() => running.delete(child));
    return { child, said: () => said, ended };
  };
  const run = async (...words: string[]): Promise<{ code: number | null; said: string }> => {
    const { ended, said } = start(words);
    return { code: await ended, said: said() };
  };
  const describeApp = (text: string) => writeFile(join(folder, 'descriptors/app.yaml'), text);

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'nm-kama-program-'));
    folder = join(home, 'app');
    modelsFile = join(home, 'models.mjs');
    await mkdir(join(folder, 'descriptors'), { recursive: true });
    await mkdir(join(folder, 'assets'));
    await writeFile(join(folder, 'assets/values.yaml'), 'cones: 3\n');
    await writeFile(
      join(folder, 'assets/shop.yaml.jinja'),
      'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: shop }\ndata: { cones: "{{ cones }}" }\n',
    );
    await describeApp(descriptors());
    await writeFile(modelsFile, models('Hello'));
    await writeFile(join(home, 'greet.mjs'), greet('!'));
  });
  afterAll(async () => {
    const ends = [...running].map((child) => once(child, 'close'));
    for (const child of running) child.kill('SIGKILL');
    await Promise.all(ends);
    await rm(home, { recursive: true });
  });

  it.each([
    [['lint'], [], 'No faults.'],
    [['explain'], ['cones', 'info'], "info = 'Hello ann!'"],
    [['simulate'], ['too-few'], 'cones: Too few.'],
    [['test'], [], '1 passed, 0 failed.'],
    [['pack'], [], 'sha256:'],
  ] as const)(
    '%s takes models in code, from a folder without packages, and misses them without',
    async ([command], more, expected) => {
      const words = [command, folder, ...more, ...(command === 'pack' ? ['-o', join(home, 'app.bundle')] : [])];
      expect(await run(...words, '--models', modelsFile)).toEqual({ code: 0, said: expect.stringContaining(expected) });
      const without = await run(...words);
      expect(without.code).toBe(1);
      expect(without.said).toMatch(/descriptors\/app.yaml:10:22 error unknown_kind: There is no kind "Enough"/);
    },
  );

  it('says what is wrong with a command line, and ends with 2', async () => {
    expect(await run('lint', folder, '--nonsense')).toEqual({ code: 2, said: expect.stringContaining('--nonsense') });
  });

  it('loads what a served app needs and little else: few files, and each library once', async () => {
    const probe = `import { registerHooks } from 'node:module';
      const seen = new Set();
      registerHooks({ load: (url, context, next) => { if (url.startsWith('file:')) seen.add(url); return next(url, context); } });
      process.on('exit', () => console.log('LOADED' + JSON.stringify([...seen])));`;
    const { child, said, ended } = start(
      ['serve', folder, '--prototype', '--port', '0', '--models', modelsFile],
      ['--import', `data:text/javascript,${encodeURIComponent(probe)}`],
    );
    const url = await urlOf(said);
    expect((await fetch(`${url}/api/variables/all`)).status).toBe(200);
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
    const loaded = JSON.parse(/LOADED(\[.*\])/.exec(said())?.[1] ?? '[]') as string[];
    expect(loaded.length).toBeGreaterThan(5);
    expect(loaded.length, loaded.join('\n')).toBeLessThan(60);
    expect(loaded.filter((file) => /node_modules\/(zod|rxjs|@nestjs)\//.test(file))).toEqual([]);
  });

  it('dev answers with what was edited, in descriptors, in models and in what models import, and keeps the last good app', async () => {
    const { child, said, ended } = start(['dev', folder, '--port', '0', '--models', modelsFile]);
    const url = await urlOf(said);
    const variable = async (): Promise<{ title?: string; info?: string }> => {
      const answer = await fetch(`${url}/api/variables/detail/cones`);
      return ((await answer.json()) as { data: { title: string; info: string } }).data;
    };
    const becomes = (wanted: object) =>
      vi.waitFor(async () => expect(await variable()).toMatchObject(wanted), patience);
    const says = (text: RegExp) => vi.waitFor(() => expect(said()).toMatch(text), patience);
    await becomes({ title: 'Cones', info: 'Hello ann!' });

    await describeApp(descriptors('Waffles'));
    await becomes({ title: 'Waffles' });
    await writeFile(modelsFile, models('Bonjour'));
    await becomes({ info: 'Bonjour ann!' });
    await writeFile(join(home, 'greet.mjs'), greet('?'));
    await becomes({ info: 'Bonjour ann?' });

    await describeApp(descriptors('Lost').replace('kind: Enough', 'kind: Enoug'));
    await says(
      /descriptors\/app.yaml:10:22 error unknown_kind: There is no kind "Enoug".* Did you mean "Enough"\?[\s\S]*The app stays as it was/,
    );
    await writeFile(modelsFile, `${models('Hola')}\nconst broken = ;\n`);
    await says(/models.mjs:8:16 error models_failed: /);
    await writeFile(modelsFile, `${models('Hola')}\nthrow new Error('no ice');\n`);
    await says(/models.mjs:8:7 error models_failed: no ice/);
    expect(await variable()).toMatchObject({ title: 'Waffles', info: 'Bonjour ann?' });

    await writeFile(modelsFile, models('Ciao'));
    await describeApp(descriptors('Tubs'));
    await becomes({ title: 'Tubs', info: 'Ciao ann?' });
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
  }, 300_000);

  it.skipIf(olderNode === undefined)('says to an older Node which one it needs', async () => {
    const { stderr, code } = (await promisify(execFile)(olderNode ?? '', [program, 'lint', folder], {
      cwd: root,
    }).catch((error: { stderr: string; code: number }) => error)) as { stderr: string; code?: number };
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/^nmachine-kama needs Node 24 or later, and this is v\d+/),
    ]);
  });
});

/** Where the server that was started listens. */
const urlOf = (said: () => string): Promise<string> =>
  vi.waitFor(() => {
    const [url] = /http:\S+(?=\/api\/status)/.exec(said()) ?? [];
    if (url === undefined) throw new Error(`it does not listen: ${said()}`);
    return url;
  }, patience);
