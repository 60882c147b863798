import { type ChildProcess, spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../libs/testing/test-database.js';
import { testMasterKey } from './start-api.js';

const main = resolve(import.meta.dirname, '../../../dist/apps/api/src/main.js');

interface LogLine {
  readonly msg: string;
  readonly port?: number;
  readonly opsPort?: number;
}

describe('the built API as a process', () => {
  let database: TestDatabase;
  let child: ChildProcess | undefined;

  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterEach(() => child?.kill('SIGKILL'));
  afterAll(() => database.close());

  function start(change: Record<string, string> = {}) {
    const started = spawn(process.execPath, [main], {
      env: {
        NM_DATABASE_URL: database.url,
        NM_MASTER_KEY: testMasterKey.toString('base64'),
        NM_API_PORT: '0',
        ...change,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child = started;
    let output = '';
    for (const stream of [started.stdout, started.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk));
    const ended = new Promise<{ code: number | null; output: string }>((done) =>
      started.once('close', (code) => done({ code, output })),
    );
    const lines = () =>
      output
        .split('\n')
        .filter((line) => line.startsWith('{'))
        .map((line) => JSON.parse(line) as LogLine);
    return { started, ended, lines };
  }

  it('listens, is ready, stops on SIGTERM with 0 and names each phase', async () => {
    const { started, ended, lines } = start();
    await expect.poll(() => lines().find(({ msg }) => msg === 'listening'), { timeout: 20_000 }).toBeDefined();
    const { port, opsPort } = lines().find(({ msg }) => msg === 'listening')!;
    expect((await fetch(`http://127.0.0.1:${opsPort}/readyz`)).status).toBe(200);
    const answer = await fetch(`http://127.0.0.1:${port}/openapi.json`);
    expect(Object.keys(((await answer.json()) as { paths: object }).paths)).toContain('/v1/licence');
    started.kill('SIGTERM');
    const { code } = await ended;
    expect(code).toBe(0);
    expect(lines().map(({ msg }) => msg)).toEqual([
      'listening',
      'request',
      'stopping',
      'draining: not ready',
      'draining: listeners closed',
      'draining: requests ended',
      'draining: done',
    ]);
  });

  it('never writes a credential to its log', async () => {
    const { started, ended, lines } = start({ NM_LOG_LEVEL: 'trace' });
    await expect.poll(() => lines().find(({ msg }) => msg === 'listening'), { timeout: 20_000 }).toBeDefined();
    const { port } = lines().find(({ msg }) => msg === 'listening')!;
    const secret = 'hunter2-hunter2-hunter2';
    await fetch(`http://127.0.0.1:${port}/v1/me?token=${secret}`, { headers: { authorization: `Bearer ${secret}` } });
    await fetch(`http://127.0.0.1:${port}/v1/auth/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ email: 'a@example.com', password: secret }),
    });
    started.kill('SIGTERM');
    const { output } = await ended;
    expect(output).toContain('request refused');
    expect(output).not.toContain('hunter2');
    expect(output).not.toContain(testMasterKey.toString('base64'));
  });

  it('says in one go everything that is wrong with its configuration, without a stack', async () => {
    const { code, output } = await start({ NM_API_PORT: 'eighty', NM_DATABASE_URL: '', NM_LOG_LEVEL: 'loud' }).ended;
    expect(code).toBe(1);
    for (const name of ['NM_API_PORT', 'NM_DATABASE_URL', 'NM_LOG_LEVEL']) expect(output).toContain(name);
    expect(output).not.toMatch(/^\s+at /m);
  });
});
