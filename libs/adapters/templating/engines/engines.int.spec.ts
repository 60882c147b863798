import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createEgressAgent, EgressPolicy } from '@nm/adapters/egress';
import { Agent } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { jinjaTemplate } from '../../../testing/engines/chart.js';
import { engineConforms } from '../../../testing/templating-engine.conformance.js';
import { executableEngine, httpEngine, jinjaEngine, ProgramRunner, TemplateWorkers } from '../index.js';

const program = join(import.meta.dirname, '../../../testing/engines/engine.mjs');
const path = process.env['PATH'] ?? '';
const bounds = { timeoutMs: 60_000, outputBytesMax: 1024 * 1024 };
const briefly = 1_000;
const runner = new ProgramRunner({ path, ...bounds });
const executable = executableEngine({ runner, release: 'shop' });
const idle = () => new AbortController().signal;

engineConforms('a local executable', { words: true, presets: false, endless: true }, () => ({
  engine: executable,
  brief: executableEngine({ runner: new ProgramRunner({ path, ...bounds, timeoutMs: briefly }), release: 'shop' }),
  ktea: { type: 'local_executable', uri: program },
}));

describe('a program that is run', () => {
  const run = (script: string, more: object = {}) =>
    runner.run({ program: 'node', args: () => ['-e', script], signal: idle(), ...more });

  it('gets a search path and a folder of its own, nothing else of ours', async () => {
    process.env['NM_TEST_SECRET'] = 'hush';
    const env = JSON.parse(await run('console.log(JSON.stringify({ ...process.env, cwd: process.cwd() }))'));
    expect(Object.keys(env).sort()).toEqual(['HOME', 'LANG', 'PATH', 'TMPDIR', 'cwd']);
    expect(env.HOME).toBe(env.cwd);
    expect(existsSync(env.HOME)).toBe(false);
  });

  it('leaves no process and no folder behind, however it ends', async () => {
    const child = "require('node:child_process').spawn('sleep', ['1000'], { stdio: 'ignore' }).pid";
    const left = Number(await run(`const pid = ${child}; console.log(pid); process.exit(0)`));
    await expect.poll(() => existsSync(`/proc/${left}`), { timeout: 20_000 }).toBe(false);
    const note = join(await mkdtemp(join(tmpdir(), 'nm-note-')), 'folder');
    const failing = run(`require('node:fs').writeFileSync(${JSON.stringify(note)}, process.cwd()); process.exit(4)`);
    await expect(failing).rejects.toMatchObject({ code: 'template_failed' });
    expect(existsSync(await readFile(note, 'utf8'))).toBe(false);
    await rm(dirname(note), { recursive: true });
  });

  it('is stopped at too much memory', async () => {
    const small = new ProgramRunner({ path, ...bounds, memoryMib: 150 });
    const eats = 'const all = []; setInterval(() => all.push(Buffer.alloc(8e6, 1)), 5)';
    await expect(small.run({ program: 'node', args: () => ['-e', eats], signal: idle() })).rejects.toMatchObject({
      code: 'template_limit',
      publicMessage: expect.stringContaining('150 MiB'),
    });
  });

  it('says what is missing, and tells no folder of ours', async () => {
    await expect(runner.run({ program: 'no-such-engine', args: () => [], signal: idle() })).rejects.toMatchObject({
      code: 'engine_unavailable',
      publicMessage: expect.stringContaining('there is no program "no-such-engine" here'),
    });
    const failing = run('console.error(process.cwd() + "/x is bad"); process.exit(1)');
    await expect(failing).rejects.toThrow('x is bad');
    await expect(failing).rejects.not.toThrow('nm-engine-');
  });

  it('cannot have files written outside of its folder', async () => {
    const files = new Map([['../../escaped', 'x']]);
    await expect(run('0', { files })).rejects.toMatchObject({ code: 'template_failed' });
  });

  it('waits for its turn, and is refused when too many wait', async () => {
    const narrow = new ProgramRunner({ path, ...bounds, atOnceMax: 1, waitingMax: 1 });
    const given = new AbortController();
    const one = () =>
      narrow.run({ program: 'node', args: () => ['-e', 'setInterval(() => 0, 1000)'], signal: given.signal });
    const [first, second] = [one(), one()];
    await expect(one()).rejects.toMatchObject({ code: 'engine_unavailable' });
    given.abort();
    for (const each of [first, second]) await expect(each).rejects.toMatchObject({ code: 'template_limit' });
    expect(await narrow.run({ program: 'node', args: () => ['-p', '1'], signal: idle() })).toBe('1\n');
  });

  it('has no network where that can be had', async () => {
    const offline = new ProgramRunner({ path, ...bounds, offline: true });
    const script = "console.log(Object.values(require('node:os').networkInterfaces()).flat().length)";
    const count = Number(await offline.run({ program: 'node', args: () => ['-e', script], signal: idle() }));
    const unshare = await runner.run({ program: 'unshare', args: () => ['-nU', 'true'], signal: idle() }).then(
      () => true,
      () => false,
    );
    if (unshare) expect(count).toBe(0);
    else expect(count).toBeGreaterThan(0);
  });
});

const workers = new TemplateWorkers({ workersMax: 1, timeoutMs: 60_000, fuel: 20_000_000 });
afterAll(() => workers.close());

engineConforms('a Jinja package', { words: false, presets: false, endless: false }, () => ({
  engine: jinjaEngine({
    workers,
    tenant: 'a',
    file: (name) => (name === 'values.yaml' ? 'flavour: vanilla\ncount: 1\n' : jinjaTemplate),
  }),
  ktea: { type: 'jinja', uri: 'menu.yaml.jinja' },
}));

interface Seen {
  readonly method: string;
  readonly url: string;
  readonly authorization: string | undefined;
}

/** A server as publishers build them, of today's form or of the first generation. */
class EngineServer {
  readonly seen: Seen[] = [];
  server!: Server;
  readonly prefix: string;
  readonly wrapped: boolean;

  constructor(prefix: string, wrapped: boolean) {
    this.prefix = prefix;
    this.wrapped = wrapped;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/acme`;
  }

  async open(): Promise<void> {
    this.server = createServer((request, response) => {
      const { method = '', url = '' } = request;
      this.seen.push({ method, url, authorization: request.headers.authorization });
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        void this.#answer(url, body).then((answer) => {
          if (answer === undefined) return;
          const [status, value, headers] = answer;
          response.writeHead(status, { 'content-type': 'application/json', ...headers });
          response.end(typeof value === 'string' ? value : JSON.stringify(value));
        });
      });
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => this.server.once('listening', resolve));
  }

  async #answer(url: string, body: string): Promise<[number, unknown, object?] | undefined> {
    const at = url.split('?', 1)[0] ?? '';
    if (at.startsWith('/acme/moved')) return [302, '', { location: 'http://169.254.169.254/latest' }];
    if (at.startsWith('/acme/page')) return [200, '<html>hello</html>'];
    if (at.startsWith('/acme/down')) return [503, { error: 'we sleep' }];
    if (at === `/acme/1.0${this.prefix}/values`) return [200, { data: { flavour: 'vanilla', count: 1 } }];
    if (at === `/acme/1.0${this.prefix}/presets/party`) return [200, { data: { assignments: { count: 50 } } }];
    if (at !== `/acme/1.0${this.prefix}/template`) return [404, { error: 'not found' }];
    const given = JSON.parse(body) as { values: Record<string, unknown> } & Record<string, unknown>;
    const values = this.wrapped ? given.values : given;
    if (values['hang']) return undefined;
    if (values['garbage']) return [200, { data: [{ a: 1 }] }];
    try {
      return [200, { data: await executable.template({ type: 'x', uri: program }, values, idle()) }];
    } catch (error) {
      const { code, message } = error as { code: string; message: string };
      return code === 'template_limit' ? [200, { data: 'x'.repeat(3 * 1024 * 1024) }] : [422, { error: message }];
    }
  }

  close(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}

const dispatcher = createEgressAgent(new EgressPolicy({ allow: ['127.0.0.0/8'] }));
const options = { dispatcher, release: 'shop', timeoutMs: 60_000, answerBytesMax: 1024 * 1024 };
afterAll(() => dispatcher.destroy());

for (const [form, prefix, wrapped] of [
  ['an HTTP server', '', false],
  ['an HTTP server of the first generation', '/api', true],
] as const) {
  const server = new EngineServer(prefix, wrapped);
  beforeAll(() => server.open());
  afterAll(() => server.close());
  engineConforms(form, { words: true, presets: true, endless: true }, () => ({
    engine: httpEngine(options),
    brief: httpEngine({ ...options, timeoutMs: briefly }),
    ktea: { type: 'server', uri: `${server.url}/`, version: '1.0' },
  }));
}

describe('the client of engine servers', () => {
  const server = new EngineServer('', false);
  const engine = httpEngine(options);
  const at = (version: string) => ({ type: 'server', uri: server.url, version });
  beforeAll(() => server.open());
  afterAll(() => server.close());

  it('names the release and the extra words in the query, and sends a token only when it was given one', async () => {
    await engine.template({ ...at('1.0'), args: ['--set', 'a=b'] }, { flavour: 'a', count: 1 }, idle());
    const { url, authorization } = server.seen.at(-1) as Seen;
    expect(url).toBe('/acme/1.0/template?release_name=shop&args=--set+a%3Db');
    expect(authorization).toBeUndefined();
    await httpEngine({ ...options, token: 'tok' }).defaults(at('1.0'), idle());
    expect(server.seen.at(-1)?.authorization).toBe('Bearer tok');
  });

  it('follows no redirect', async () => {
    const before = server.seen.length;
    await expect(engine.defaults(at('moved'), idle())).rejects.toMatchObject({
      code: 'template_failed',
      publicMessage: expect.stringContaining('redirects to http://169.254.169.254/latest'),
    });
    expect(server.seen).toHaveLength(before + 1);
  });

  it('tells a server that is down from one that refuses, and from a page', async () => {
    await expect(engine.defaults(at('down'), idle())).rejects.toMatchObject({ code: 'engine_unavailable' });
    await expect(engine.defaults(at('down'), idle())).rejects.toThrow('answered 503: we sleep');
    await expect(engine.defaults(at('2.0'), idle())).rejects.toMatchObject({ code: 'template_failed' });
    await expect(engine.defaults(at('page'), idle())).rejects.toThrow('without a member "data"');
    await expect(engine.defaults({ type: 'server', uri: 'http://127.0.0.1:1' }, idle())).rejects.toMatchObject({
      code: 'engine_unavailable',
      publicMessage: expect.stringContaining('ECONNREFUSED'),
    });
  });

  it('dials only where the policy allows', async () => {
    const strict = createEgressAgent(new EgressPolicy());
    try {
      const asking = httpEngine({ ...options, dispatcher: strict }).defaults(at('1.0'), idle());
      await expect(asking).rejects.toMatchObject({ code: 'egress_denied' });
    } finally {
      await strict.destroy();
    }
    expect(dispatcher).toBeInstanceOf(Agent);
  });

  it.each(['ftp://x/y', 'example.com', 'http://x/y?z=1', '', 'file:///etc/passwd'])(
    'takes %j for no address',
    async (uri) => {
      await expect(engine.defaults({ type: 'server', uri }, idle())).rejects.toMatchObject({ code: 'template_failed' });
    },
  );
});
