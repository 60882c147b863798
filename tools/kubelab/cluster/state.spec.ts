import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { processRef } from '../process-ref.ts';
import { cleanStale } from './down.ts';
import { portsFrom } from './ports.ts';
import { type ClusterState, isRunning, readState, wipe, writeState } from './state.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'kubelab-state-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const state = (change: Partial<ClusterState> = {}): ClusterState => ({
  name: 'x',
  dir,
  mode: 'kwok',
  phase: 'ready',
  server: 'https://127.0.0.1:20000',
  kubeconfigPath: join(dir, 'admin.kubeconfig'),
  bin: '/bin',
  ports: portsFrom(20_000),
  supervisor: processRef(process.pid)!,
  owner: null,
  ephemeral: false,
  startedAt: '2026-01-01T00:00:00.000Z',
  children: {},
  ...change,
});
const gone = { pid: process.pid, start: '1' };

it('reads back what was written, readable for the owner alone', () => {
  writeState(state());
  expect(readState(dir)).toEqual(state());
  expect(statSync(join(dir, 'state.json')).mode & 0o777).toBe(0o600);
});

it('takes a broken or missing file for no cluster', () => {
  expect(readState(dir)).toBeUndefined();
  writeFileSync(join(dir, 'state.json'), '{"name": ');
  expect(readState(dir)).toBeUndefined();
});

it('forgets a cluster whose supervisor is gone, and leaves a running one alone', async () => {
  writeState(state());
  await cleanStale(dir);
  expect(readState(dir) && isRunning(readState(dir)!)).toBe(true);
  writeState(state({ supervisor: gone }));
  await cleanStale(dir);
  expect(readState(dir)).toBeUndefined();
  expect(existsSync(dir)).toBe(true);
});

it('removes the data of an ephemeral cluster whose supervisor is gone', async () => {
  mkdirSync(join(dir, 'pki'));
  writeState(state({ supervisor: gone, ephemeral: true }));
  await cleanStale(dir);
  expect(existsSync(dir)).toBe(false);
});

it('never wipes a folder that is not a cluster', () => {
  writeFileSync(join(dir, 'thesis.txt'), 'mine');
  wipe(dir);
  expect(existsSync(join(dir, 'thesis.txt'))).toBe(true);
});
