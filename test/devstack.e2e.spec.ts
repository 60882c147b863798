import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { devstackEnv, processesOf, startDevstack } from './devstack-process.js';

describe('npm start', () => {
  let home: string;
  let env: NodeJS.ProcessEnv;

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'nm-devstack-'));
    env = await devstackEnv(home, { NM_RUNTIME_DRIVERS: 'process', NM_KUBELAB: 'off' });
  });
  afterAll(() => rm(home, { recursive: true, force: true }));

  it('says in one sentence which port is taken and which variable moves it, and starts nothing', async () => {
    const squatter = createServer().listen(Number(env['NM_GATEWAY_PORT']), '127.0.0.1');
    const devstack = startDevstack(env);
    expect(await devstack.exited).toBe(1);
    squatter.close();
    expect(devstack.output()).toContain(`Port ${env['NM_GATEWAY_PORT']} is taken, and the gateway needs it.`);
    expect(devstack.output()).toContain('NM_GATEWAY_PORT=');
    expect(devstack.output()).not.toMatch(/\n\s+at /);
    expect(processesOf(home)).toEqual([]);
  });

  it('leaves no app behind when it is killed, and starts again over the postmaster that is left', async () => {
    const first = startDevstack(env);
    await first.shows('Try it');
    const demo = await readFile(join(home, 'demo.json'), 'utf8');
    const pid = Number(await readFile(join(home, 'devstack.pid'), 'utf8'));
    process.kill(pid, 'SIGKILL');
    await first.exited;
    await expect
      .poll(() => processesOf(home).filter((line) => line.includes('dist/apps/')), { timeout: 15_000 })
      .toEqual([]);

    const second = startDevstack(env);
    await second.shows('Try it');
    expect(await readFile(join(home, 'demo.json'), 'utf8')).toBe(demo);

    const third = startDevstack(await devstackEnv(home, { NM_KUBELAB: 'off' }));
    expect(await third.exited).toBe(1);
    expect(third.output()).toContain(`already runs from ${home}`);

    await second.ctrlC();
    expect(second.output()).toContain('Stopped everything');
    expect(processesOf(home)).toEqual([]);
  });

  it('names every bad variable at once', async () => {
    const devstack = startDevstack({ ...env, NM_GATEWAY_PORT: 'eighty', NM_RUNTIME_DRIVERS: 'vm' });
    expect(await devstack.exited).toBe(1);
    expect(devstack.output()).toContain('NM_GATEWAY_PORT');
    expect(devstack.output()).toContain('NM_RUNTIME_DRIVERS');
  });
});
