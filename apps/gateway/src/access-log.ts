import type { Outcome } from '@nm/adapters/proxy';
import type { Logger } from '@nm/adapters/telemetry';
import type { Fault } from '@nm/kernel/fault';
import { randomFraction } from '@nm/kernel/ids';
import type { GatewayMetrics } from './gateway-metrics.js';
import type { RequestContext } from './request-context.js';

/** Status in logs and metrics for a client that left first; it is never sent. */
const clientClosed = 499;
const pathCharsMax = 200;

/** AccessLog writes one line per request: denials and errors always, the rest by sample. Queries may hold secrets and are left out. */
export class AccessLog {
  readonly #log: Logger;
  readonly #metrics: GatewayMetrics;
  readonly #sample: number;

  constructor(log: Logger, metrics: GatewayMetrics, sample: number) {
    this.#log = log;
    this.#metrics = metrics;
    this.#sample = sample;
  }

  /** counted counts a request that has ended. @returns whether a line is to be written of it */
  counted(finished: Outcome, fault: Fault | undefined, elapsedMs: number): boolean {
    const status = statusOf(finished);
    this.#metrics.finished(status, elapsedMs / 1000);
    return status >= 400 || fault !== undefined || this.#sample >= 1 || randomFraction() < this.#sample;
  }

  write(context: RequestContext, finished: Outcome, fault: Fault | undefined, atMs: number): void {
    const status = statusOf(finished);
    const elapsedMs = atMs - context.startedMs;
    const line = lineOf(context, finished, fault, status, elapsedMs);
    if (fault && fault.status >= 500) this.#log.warn({ ...line, err: fault }, 'request failed');
    else this.#log.info(line, fault ? 'request refused' : 'request');
  }
}

const statusOf = ({ clientGone, status }: Outcome): number => (clientGone ? clientClosed : status);
const tenths = (ms: number): number => Math.round(ms * 10) / 10;

/** lineOf puts together what the log says; absent members are left out of JSON. */
function lineOf(
  context: RequestContext,
  finished: Outcome,
  fault: Fault | undefined,
  status: number,
  elapsedMs: number,
) {
  const { requestId, route, method, target, app, clusterId, visitor, wakeMs, startedMs, plannedMs, answeredMs } =
    context;
  return {
    requestId,
    route,
    method,
    path: target.split('?', 1)[0]?.slice(0, pathCharsMax),
    app,
    clusterId,
    licenceId: visitor?.licence?.id ?? context.licenceId,
    installId: visitor?.ticket?.install?.id ?? context.installId,
    decision: visitor?.decision?.code,
    rule: visitor?.decision?.ruleId,
    code: fault?.code,
    status,
    ms: tenths(elapsedMs),
    decideMs: plannedMs === undefined ? undefined : tenths(plannedMs - startedMs - (wakeMs ?? 0)),
    wakeMs,
    appMs: plannedMs === undefined || answeredMs === undefined ? undefined : tenths(answeredMs - plannedMs),
    bytesIn: finished.bytesIn,
    bytesOut: finished.bytesOut,
  };
}
