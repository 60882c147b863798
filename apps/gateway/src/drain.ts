import type { Engine } from '@nm/adapters/proxy';
import type { Logger, OpsServer } from '@nm/adapters/telemetry';
import { Fault } from '@nm/kernel/fault';
import type { Clock } from '@nm/kernel/time';
import type { ExchangeTag } from './exchange-tag.js';

export interface DrainParts {
  readonly log: Logger;
  readonly clock: Clock;
  readonly drainMs: number;
  readonly ops: OpsServer;
  readonly engine: Engine<ExchangeTag | undefined>;
  readonly close: () => Promise<void>;
}

/**
 * drain ends the gateway's work in an order in which nobody loses an answer: unready, no new connections, `Connection: close` on what is answered,
 * streams and tunnels sent home (they have no end of their own), requests awaited, the rest cut at the deadline, pools last.
 */
export async function drain(parts: DrainParts): Promise<void> {
  const { log, clock, engine } = parts;
  log.info('drain: no new connections');
  parts.ops.setReady(false);
  engine.beginDrain();
  const closed = engine.closeListeners();
  const sentHome = engine.cut(new Fault('draining'), ({ kind }) => kind !== 'request', 'goodbye');
  log.info({ streams: sentHome, requests: engine.open.size }, 'drain: streams sent home, waiting for requests');
  const deadline = new AbortController();
  const late = await Promise.race([
    closed.then(() => false),
    clock.sleep(parts.drainMs, deadline.signal).then(
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
