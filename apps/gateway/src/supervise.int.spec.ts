import { type ChildProcess, spawn } from 'node:child_process';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { createLogger } from '@nm/adapters/telemetry';
import { systemClock } from '@nm/kernel/time';
import { afterEach, describe, expect, it } from 'vitest';
import { type Supervisor, supervise } from './supervise.js';

/** The smallest thing that shares a port as the gateway does. */
const program = `
const { createServer } = require('node:http');
const server = createServer((_, response) => response.setHeader('connection', 'close').end(String(process.pid)));
server.listen({ port: Number(process.argv[1]), host: '127.0.0.1', reusePort: true });
process.on('SIGTERM', () => process.exit(0));
`;

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });

const ask = (port: number): Promise<string> =>
  new Promise((resolve, reject) => {
    request({ port, host: '127.0.0.1', agent: false }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString())).on('end', () => resolve(text));
    })
      .once('error', reject)
      .end();
  });

/** askMany gives the processes that answered, and how many requests nobody answered. */
async function askMany(port: number, count: number): Promise<{ pids: Set<string>; failed: number }> {
  const answers = await Promise.all(Array.from({ length: count }, () => ask(port).catch(() => undefined)));
  const pids = answers.filter((answer) => answer !== undefined);
  return { pids: new Set(pids), failed: count - pids.length };
}

describe('supervise', () => {
  let supervisor: Supervisor | undefined;
  afterEach(() => supervisor?.stop());

  /** Two programs that share a port, both answering. */
  const superviseTwo = async () => {
    const port = await freePort();
    const started: ChildProcess[] = [];
    supervisor = supervise({
      processes: 2,
      clock: systemClock,
      log: createLogger('gateway', 'silent'),
      start: () => {
        const child = spawn(process.execPath, ['-e', program, String(port)], { stdio: 'ignore' });
        started.push(child);
        return child;
      },
    });
    await expect.poll(async () => (await askMany(port, 20)).pids.size, { timeout: 20_000 }).toBe(2);
    return { port, started };
  };

  it('starts a crashed process again, and the others answer meanwhile', async () => {
    const { port, started } = await superviseTwo();
    const [first, second] = started as [ChildProcess, ChildProcess];
    const gone = new Promise((resolve) => first.once('exit', resolve));
    first.kill('SIGKILL');
    await gone;
    expect(await askMany(port, 20)).toEqual({ pids: expect.any(Set), failed: 0 });
    expect(second.exitCode).toBeNull();
    await expect.poll(async () => (await askMany(port, 20)).pids.size, { timeout: 20_000 }).toBe(2);
    expect(started.length).toBe(3);
  });

  it('ends all and starts none again when it is stopped', async () => {
    const { port, started } = await superviseTwo();
    await supervisor?.stop();
    expect(started.map(({ exitCode }) => exitCode)).toEqual([0, 0]);
    expect(await askMany(port, 2)).toEqual({ pids: new Set(), failed: 2 });
  });
});
