import type { Outcome } from '@nm/adapters/proxy';
import type { Logger } from '@nm/adapters/telemetry';
import { randomFraction } from '@nm/kernel/ids';
import type { Clock } from '@nm/kernel/time';
import type { GatewayMetrics } from './gateway-metrics.js';
import type { RequestContext } from './request-context.js';

/** Status in logs and metrics for a client that left first; it is never sent. */
const clientClosed = 499;
const pathCharsMax = 200;

/** AccessLog writes one line per request: denials and errors always, the rest by sample. Queries may hold secrets and are left out. */
export class AccessLog {
  readonly #log: Logger;
  readonly #metrics: GatewayMetrics;
  readonly #clock: Clock;
  readonly #sample: number;

  constructor(log: Logger, metrics: GatewayMetrics, clock: Clock, sample: number) {
    this.#log = log;
    this.#metrics = metrics;
    this.#clock = clock;
    this.#sample = sample;
  }

  write(context: RequestContext, finished: Outcome): void {
    const { fault } = finished;
    const status = finished.clientGone ? clientClosed : finished.status;
    const elapsedMs = this.#clock.monotonicMs() - context.startedMs;
    this.#metrics.finished(status, elapsedMs / 1000);
    if (status < 400 && !fault && this.#sample < 1 && randomFraction() >= this.#sample) return;
    const { startedMs: _, target, ...known } = context;
    const line = {
      ...known,
      path: target.split('?', 1)[0]?.slice(0, pathCharsMax),
      status,
      ms: Math.round(elapsedMs * 10) / 10,
      bytesIn: finished.bytesIn,
      bytesOut: finished.bytesOut,
      ...(fault ? { code: fault.code } : {}),
    };
    if (fault && fault.status >= 500) this.#log.warn({ ...line, err: fault }, 'request failed');
    else this.#log.info(line, fault ? 'request refused' : 'request');
  }
}
