import type { Server } from 'node:http';
import type { Logger } from '@nm/adapters/telemetry';
import type { Clock } from '@nm/kernel/time';
import type { EventStreams } from './event-streams.js';

export interface DrainOptions {
  readonly logger: Logger;
  readonly clock: Clock;
  /** Milliseconds that running requests may take to end. */
  readonly drainMs: number;
  readonly servers: readonly Server[];
  readonly streams: EventStreams;
  /** Turns readiness off, so that no load balancer sends more. */
  readonly unready: () => void;
  /** Closes what the app holds, in order: the app itself, pools, the ops server. */
  readonly close: readonly (() => Promise<unknown> | unknown)[];
}

/**
 * drain stops an app without cutting a request: not ready → listeners closed, each answer the last of its connection →
 * event streams ended with `retry:` → running requests finish, at most `drainMs` → the rest is cut → pools closed.
 * Nest's own hooks would wait for the streams first, for ever.
 */
export async function drain(options: DrainOptions): Promise<void> {
  const { logger, clock, drainMs, servers, streams } = options;
  logger.info('draining: not ready');
  options.unready();
  const closed = Promise.all(servers.map(stopListening));
  logger.info({ streams: streams.size }, 'draining: listeners closed');
  streams.endAll();
  const patience = new AbortController();
  const cut = await Promise.race([
    closed.then(() => false),
    clock.sleep(drainMs, patience.signal).then(
      () => true,
      () => false,
    ),
  ]);
  patience.abort();
  logger.info({ cut }, 'draining: requests ended');
  for (const server of servers) server.closeAllConnections();
  for (const close of options.close)
    await Promise.resolve(close()).catch((err: unknown) => logger.warn({ err }, 'draining: something did not close'));
  logger.info('draining: done');
}

function stopListening(server: Server): Promise<void> {
  // A kept-alive connection that is busy now must not bring a further request.
  server.prependListener('request', (_request, response) => response.setHeader('connection', 'close'));
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });
}
