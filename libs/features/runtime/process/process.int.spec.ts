import { spawn } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { VersionSpec } from '@nm/kernel/contracts';
import { describe, expect, it } from 'vitest';
import { conformanceSuite } from '../test/runtime-driver.conformance.js';
import { tinyCommand } from '../test/start-test-host.js';
import { ProcessDriver } from './process-driver.js';
import { formatRef, isAlive, parseRef, processRef } from './process-ref.js';

const open = (onExit?: (id: string) => void) =>
  new ProcessDriver({
    root: import.meta.dirname,
    bindHost: '127.0.0.1',
    advertiseHost: '127.0.0.1',
    path: '/usr/bin:/bin',
    ...(onExit ? { onExit } : {}),
  });

describe('the process driver', () => {
  const exits: string[] = [];
  const driver = open((id) => exits.push(id));
  conformanceSuite(
    // PWD and the like are set by the shell that starts the command.
    async () => ({
      driver,
      exits,
      runs: { command: tinyCommand },
      another: open(),
      addsFiles: 'ok',
      own: ['PATH', 'PWD', 'SHLVL', '_', 'OLDPWD'],
    }),
    () => driver.close(),
  );

  it('lets nobody else read what it gives, and takes its folder away at the end', async () => {
    const lender = open();
    const version = VersionSpec.parse({ kind: 'container', command: tinyCommand });
    const handle = await lender.start({ instanceId: 'kin_lent', version, env: {}, files: { token: 't' } });
    const folder = lender.folderOf('kin_lent');
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(statSync(join(folder, 'token')).mode & 0o777).toBe(0o600);
    await lender.stop(handle, 5_000);
    await lender.close();
    expect(existsSync(dirname(folder))).toBe(false);
  });

  it('tells of a command that does not exist', async () => {
    const version = VersionSpec.parse({ kind: 'container', command: ['/no/such/program'] });
    const handle = await driver.start({ instanceId: 'kin_none', version, env: {} });
    await expect.poll(async () => (await driver.inspect(handle)).exitCode).toBe(127);
    expect((await driver.logs(handle)).toString()).toContain('/no/such/program');
    await driver.remove(handle);
  });

  it('leaves no grandchild behind when the KAMA ends', async () => {
    const script = `require('node:child_process').spawn('sleep', ['300'], {stdio: 'ignore'}).once('spawn', function () { console.log('pid', this.pid); process.exit(0) })`;
    const version = VersionSpec.parse({ kind: 'container', command: [process.execPath, '-e', script] });
    const handle = await driver.start({ instanceId: 'kin_parent', version, env: {} });
    await expect.poll(async () => (await driver.inspect(handle)).state).toBe('exited');
    const pid = Number(/pid (\d+)/.exec((await driver.logs(handle)).toString())?.[1]);
    expect(pid).toBeGreaterThan(1);
    await expect.poll(() => processRef(pid)).toBeUndefined();
    await driver.remove(handle);
  });
});

describe('a process in the store', () => {
  it('is recognised as long as it runs, and never mistaken for another with its number', async () => {
    const child = spawn('sleep', ['300']);
    const ref = processRef(child.pid!)!;
    expect(isAlive(parseRef(formatRef(ref))!)).toBe(true);
    expect(isAlive({ ...ref, start: '1' })).toBe(false);
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
    expect(isAlive(ref)).toBe(false);
    expect(parseRef(join('..', '1'))).toBeUndefined();
  });
});
