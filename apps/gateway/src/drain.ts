import type { Engine } from '@nm/adapters/proxy';
import type { Logger, OpsServer } from '@nm/adapters/telemetry';
import { Fault } from '@nm/kernel/fault';
import type { Clock } from '@nm/kernel/time';
import type { ExchangeTag } from './exchange-tag.js';

export interface DrainParts {
  readonly log: Logger;
  readonly clock: Clock;
  /** From the signal to the cut of what has not ended by itself. */
  readonly drainMs: number;
  /** So much of it for balancers to notice; what they still send is served. */
  readonly listenMs: number;
  readonly ops: OpsServer;
  readonly engine: Engine<ExchangeTag | undefined>;
  readonly close: () => Promise<void>;
}

/**
 * drain ends the gateway's work in an order in which nobody loses an answer: unready, `Connection: close` on what is answered, no new connections
 * once balancers have had their time to notice, streams and tunnels sent home (they have no end of their own, and would only come back before),
 * requests awaited, the rest cut at the deadline, pools last.
 */
export async function drain(parts: DrainParts): Promise<void> {
  const { log, clock, engine, drainMs } = parts;
  const listenMs = Math.min(parts.listenMs, drainMs);
  log.info({ listenMs }, 'drain: not ready');
  parts.ops.setReady(false);
  engine.beginDrain();
  if (listenMs > 0) await clock.sleep(listenMs);
  log.info('drain: no new connections');
  const closed = engine.closeListeners();
  const sentHome = engine.cut(new Fault('draining'), ({ kind }) => kind !== 'request', 'goodbye');
  log.info({ streams: sentHome, requests: engine.open.size }, 'drain: streams sent home, waiting for requests');
  const deadline = new AbortController();
  const late = await Promise.race([
    closed.then(() => false),
    clock.sleep(drainMs - listenMs, deadline.signal).then(
      () => true,
      () => false,
    ),
  ]);
  deadline.abort();
  if (late) {
    const cut = engine.cut(new Fault('draining'), () => true);
    log.warn({ cut }, 'drain: time is up, cutting what is left');
  }
  engine.cutConnections();
  await parts.close();
  log.info('drain: done');
}
