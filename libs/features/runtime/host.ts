import type { Db } from '@nm/adapters/db';
import { type Listener, listen } from '@nm/adapters/db';
import { endIt } from './reconcile/phases.js';
import { Reconciler } from './reconcile/reconciler.js';
import type { ReconcileTools } from './reconcile/turn.js';
import { endInstance, type RuntimeHandle } from './runtime-driver.js';

/** NOTIFY channel that a trigger on `instance` feeds with the id whenever somebody wants something. */
const instanceChannel = 'nm_instance';

export interface HostOptions extends ReconcileTools {
  readonly db: Db;
  readonly leaseMs: number;
  /** Every so often everything is looked at, whatever was announced. Milliseconds. */
  readonly resyncMs: number;
  readonly saveLogsMs: number;
}

export interface Host {
  /** Hint from a driver that an instance has ended. */
  exited(instanceId: string): void;
  /** Whether announcements are heard. */
  isListening(): boolean;
  /** Stops every instance that this operator holds, within `graceMs`, and gives its leases back. */
  stop(graceMs: number): Promise<void>;
}

/** startHost is the operator at work: it hears wishes, looks at everything now and then, keeps its leases and the instances' output. */
export function startHost(options: HostOptions): Host {
  const { store, logger } = options;
  const reconciler = new Reconciler(options);
  const savedLogs = new Map<string, string>();
  let listening = false;
  let suspects = new Set<string>();

  const resync = async () => {
    // Sweeping comes first: it leaves alone what is being worked on, and a look at everything works on everything.
    suspects = await sweep(options, reconciler, suspects);
    for (const id of await store.due()) reconciler.poke(id);
  };
  const every = (ms: number, what: string, work: () => Promise<void>): NodeJS.Timeout => {
    let busy = false;
    return setInterval(() => {
      if (busy) return;
      busy = true;
      void work()
        .catch((error: unknown) => logger.error({ err: error }, `${what} failed`))
        .finally(() => {
          busy = false;
        });
    }, ms);
  };
  const listener: Listener = listen({
    url: options.db.url,
    channels: [instanceChannel],
    onMessage: (_channel, id) => reconciler.poke(id),
    onConnected: () => {
      // Ready with the first look at everything: it also opens the connections that the first wake would wait for.
      void resync().then(
        () => {
          listening = true;
        },
        (error: unknown) => logger.error({ err: error }, 'resync failed'),
      );
    },
    onError: (error) => {
      listening = false;
      logger.warn({ err: error }, 'not listening for wishes');
    },
  });
  const timers = [
    every(options.resyncMs, 'resync', resync),
    every(options.leaseMs / 3, 'renewing leases', () => store.renew().then(() => undefined)),
    every(options.saveLogsMs, 'saving logs', () => saveLogs(options, savedLogs)),
  ];
  return {
    exited: (id) => reconciler.poke(id),
    isListening: () => listening,
    stop: async (graceMs) => {
      await listener.close();
      await reconciler.stop();
      const held = await store.renew();
      await Promise.all(held.map(({ id }) => stopHeld({ ...options, graceMs }, id)));
      for (const timer of timers) clearInterval(timer);
    },
  };
}

/** stopHeld takes one instance out of traffic, stops it, and says so in its row. */
async function stopHeld(tools: ReconcileTools, id: string): Promise<void> {
  try {
    await tools.store.withdraw(id, 'stopped');
    const facts = await tools.store.claim(id);
    if (facts) await endIt({ ...tools, facts });
  } catch (error) {
    tools.logger.error({ err: error, instance: id }, 'an instance could not be stopped in order');
  }
}

async function saveLogs(options: HostOptions, saved: Map<string, string>): Promise<void> {
  const held = await options.store.renew();
  for (const known of saved.keys()) if (!held.some(({ id }) => id === known)) saved.delete(known);
  for (const { id, handle } of held) {
    const driver = handle && options.drivers.find((each) => each.name === handle.driver);
    if (!driver) continue;
    const log = await driver.logs(handle);
    const mark = `${log.length}:${log.subarray(-200).toString('latin1')}`;
    if (log.length === 0 || saved.get(id) === mark) continue;
    await options.store.saveLogs(id, log);
    saved.set(id, mark);
  }
}

/**
 * sweep stops what drivers run although no row vouches for it: left by an operator that died at the wrong moment, or by a version that was deleted.
 * It acts only on what was stray a whole round ago already, so that nothing is stopped in the middle of being started.
 * @returns the strays of this round
 */
async function sweep(options: HostOptions, reconciler: Reconciler, suspects: Set<string>): Promise<Set<string>> {
  const running: RuntimeHandle[] = [];
  for (const driver of options.drivers) running.push(...(await driver.list()));
  const strays = await options.store.strays(running.filter((handle) => !reconciler.isBusy(handle.instanceId)));
  for (const stray of strays.filter((handle) => suspects.has(handle.ref))) {
    options.logger.warn({ instance: stray.instanceId, ref: stray.ref }, 'stopping a stray instance');
    const driver = options.drivers.find((each) => each.name === stray.driver);
    if (driver) await endInstance(driver, stray, options.graceMs);
  }
  return new Set(strays.map((handle) => handle.ref));
}
