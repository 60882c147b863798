import { join } from 'node:path';
import type { Db } from '@nm/adapters/db';
import { createLogger } from '@nm/adapters/telemetry';
import { randomKeyBytes } from '@nm/kernel/ids';
import { systemClock } from '@nm/kernel/time';
import { type Host, startHost } from '../host.js';
import { ProcessDriver } from '../process/process-driver.js';
import { InstanceStore } from '../reconcile/instance-store.js';

const tinyKama = join(import.meta.dirname, 'tiny-kama.mjs');
export const tinyCommand = [process.execPath, tinyKama];

export interface TestHost extends Host {
  readonly driver: ProcessDriver;
  readonly owner: string;
}

/** startTestHost is an operator inside the test: real database, real processes, and short times. */
export function startTestHost(
  db: Db,
  times: { leaseMs?: number; resyncMs?: number; backoffMs?: number } = {},
): TestHost {
  let host: Host | undefined;
  const driver = new ProcessDriver({
    root: import.meta.dirname,
    bindHost: '127.0.0.1',
    advertiseHost: '127.0.0.1',
    path: '/usr/bin:/bin',
    onExit: (id) => host?.exited(id),
  });
  const owner = `test/${randomKeyBytes(4).toString('hex')}`;
  const leaseMs = times.leaseMs ?? 3_000;
  host = startHost({
    db,
    store: new InstanceStore({ db, owner, leaseMs, isDead: () => false }),
    drivers: [driver],
    urls: { apiUrl: 'http://api.test', gatewayUrl: 'http://gateway.test' },
    clock: systemClock,
    random: () => 1,
    logger: createLogger('test', 'silent'),
    graceMs: 2_000,
    backoff: { baseMs: times.backoffMs ?? 1_000, maxMs: 60_000 },
    leaseMs,
    resyncMs: times.resyncMs ?? 500,
    saveLogsMs: 200,
  });
  return { ...host, driver, owner };
}
