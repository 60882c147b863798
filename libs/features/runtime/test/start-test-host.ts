import { join } from 'node:path';
import type { Db } from '@nm/adapters/db';
import { createLogger } from '@nm/adapters/telemetry';
import { randomKeyBytes } from '@nm/kernel/ids';
import { systemClock } from '@nm/kernel/time';
import { type Host, startHost } from '../host.js';
import { ClusterLoans, type Lend } from '../loans/cluster-loans.js';
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
  times: { leaseMs?: number; resyncMs?: number; backoffMs?: number; lend?: Lend } = {},
): TestHost {
  let host: Host | undefined;
  const owner = `test/${randomKeyBytes(4).toString('hex')}`;
  const driver = new ProcessDriver({
    root: import.meta.dirname,
    bindHost: '127.0.0.1',
    advertiseHost: '127.0.0.1',
    path: '/usr/bin:/bin',
    onExit: (id) => host?.exited(id),
  });
  const leaseMs = times.leaseMs ?? 3_000;
  const store = new InstanceStore({ db, owner, leaseMs, isDead: () => false });
  const urls = { apiUrl: 'http://api.test', gatewayUrl: 'http://gateway.test', kubeUrl: 'https://kube.test' };
  const logger = createLogger('test', 'silent');
  const lend = times.lend ?? (() => Promise.reject(new Error('there is no API')));
  host = startHost({
    db,
    store,
    loans: new ClusterLoans({ store, lend, urls, clock: systemClock, logger }),
    drivers: [driver],
    urls,
    clock: systemClock,
    random: () => 1,
    logger,
    graceMs: 2_000,
    backoff: { baseMs: times.backoffMs ?? 1_000, maxMs: 60_000 },
    leaseMs,
    resyncMs: times.resyncMs ?? 500,
    saveLogsMs: 200,
  });
  const started = host;
  const stop = async (graceMs: number): Promise<void> => {
    await started.stop(graceMs);
    await driver.close();
  };
  return { ...started, stop, driver, owner };
}
