import type { Server, ServerResponse } from 'node:http';
import type { Logger } from '@nm/adapters/telemetry';
import type { Clock } from '@nm/kernel/time';
import type { EventStreams } from './event-streams.js';
import type { Listening } from './listen-on.js';

export interface DrainOptions {
  readonly logger: Logger;
  readonly clock: Clock;
  /** Milliseconds that running requests may take to end. */
  readonly drainMs: number;
  readonly listening: Listening;
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
  const { logger, clock, drainMs, streams } = options;
  const { servers, pending } = options.listening;
  logger.info('draining: not ready');
  options.unready();
  const closed = Promise.all(servers.map(stopListening));
  for (const response of pending) lastOfItsConnection(response);
  logger.info({ streams: streams.size }, 'draining: listeners closed');
  streams.endAll();
  const patience = new AbortController();
  const cut = await Promise.race([
    closed.then(() => false),
    clock.sleep(drainMs, patience.signal).then(
      () => true,
      () => false,
    ),
    closeIdleOnes(servers, clock, patience.signal),
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
  server.prependListener('request', (_request, response: ServerResponse) => lastOfItsConnection(response));
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}

/** Makes Node answer `Connection: close`; without effect once the head has been sent. */
function lastOfItsConnection(response: ServerResponse): void {
  response.shouldKeepAlive = false;
}

const idleCheckMs = 50;

/** closeIdleOnes closes connections whose answer's head had left, with keep-alive, before the drain began. Never resolves. */
async function closeIdleOnes(servers: readonly Server[], clock: Clock, signal: AbortSignal): Promise<never> {
  while (!signal.aborted) {
    for (const server of servers) server.closeIdleConnections();
    await clock.sleep(idleCheckMs, signal).catch(() => undefined);
  }
  return new Promise(() => undefined);
}
