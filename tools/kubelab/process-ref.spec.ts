import { spawn } from 'node:child_process';
import { expect, it } from 'vitest';
import { isAlive, processRef, waitForEnd } from './process-ref.ts';

it('knows this process, and not one that has the same number but another start', () => {
  const self = processRef(process.pid);
  expect(self && isAlive(self)).toBe(true);
  expect(isAlive({ pid: process.pid, start: '1' })).toBe(false);
});

it('sees the end of a process', async () => {
  const child = spawn('sleep', ['60']);
  const ref = processRef(child.pid!)!;
  expect(await waitForEnd(ref, 50)).toBe(false);
  child.kill('SIGKILL');
  expect(await waitForEnd(ref, 5_000)).toBe(true);
});
