import type { Outcome, RequestHead } from '@nm/adapters/proxy';
import type { SpanNote, TraceExport } from '@nm/adapters/telemetry';
import { randomFraction, randomHex } from '@nm/kernel/ids';
import type { Clock } from '@nm/kernel/time';
import type { RequestContext } from './request-context.js';
import { type Trace, traceOf, traceparentOf } from './trace.js';

/** Spans of one process in a second: a caller may ask for each of its requests to be recorded, and must not fill the queue. */
const spansPerSecond = 200;
const pathCharsMax = 200;

const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** RequestSpans makes spans of the requests that are sampled: those whose caller records the trace, and a part of the rest. */
export class RequestSpans {
  readonly #out: TraceExport;
  readonly #clock: Clock;
  readonly #sample: number;
  #second = -1;
  #spent = 0;

  /** @param sample part of the requests that come without a trace */
  constructor(out: TraceExport, clock: Clock, sample: number) {
    this.#out = out;
    this.#clock = clock;
    this.#sample = sample;
  }

  /** begin decides on a request as it comes. */
  begin(head: RequestHead): Trace {
    const trace = traceOf(head);
    const sampled = trace.parentSpanId === undefined ? randomFraction() < this.#sample : trace.sampled;
    if (!sampled && trace.parentSpanId !== undefined) return trace;
    const own = { ...trace, spanId: randomHex(16), sampled };
    if (sampled && !this.#mayRecord()) return trace;
    return { ...own, traceparent: traceparentOf(own), recorded: sampled };
  }

  #mayRecord(): boolean {
    const second = Math.floor(this.#clock.monotonicMs() / 1_000);
    if (second !== this.#second) {
      this.#second = second;
      this.#spent = 0;
    }
    return this.#spent++ < spansPerSecond;
  }

  /** end records what became of a request. */
  end(context: RequestContext, outcome: Outcome): void {
    const { trace } = context;
    if (trace?.recorded) this.#out.record(noteOf(trace, context, outcome, this.#clock));
  }
}

function noteOf(trace: Trace, context: RequestContext, outcome: Outcome, clock: Clock): SpanNote {
  const { route, method, target, requestId, app, visitor, wakeMs, startedMs } = context;
  const { status, fault, clientGone, bytesIn, bytesOut } = outcome;
  const knownMethod = methods.has(method) ? method : '_OTHER';
  const endedEpochMs = clock.nowMs();
  const isOurFault = fault !== undefined && fault.status >= 500;
  return {
    traceId: trace.traceId,
    spanId: trace.spanId,
    parentSpanId: trace.parentSpanId,
    name: `${knownMethod} /${route}`,
    startedEpochMs: endedEpochMs - (clock.monotonicMs() - startedMs),
    endedEpochMs,
    attributes: {
      'http.request.method': knownMethod,
      'http.response.status_code': clientGone ? 499 : status,
      'url.path': target.split('?', 1)[0]?.slice(0, pathCharsMax) ?? '',
      'http.request.body.size': bytesIn,
      'http.response.body.size': bytesOut,
      'nm.request_id': requestId,
      'nm.route': route,
      ...(app === undefined ? {} : { 'nm.app': app }),
      ...(visitor?.licence ? { 'nm.licence': visitor.licence.id } : {}),
      ...(visitor?.decision ? { 'nm.decision': visitor.decision.code, 'nm.rule': visitor.decision.ruleId } : {}),
      ...(wakeMs === undefined ? {} : { 'nm.wake_ms': wakeMs }),
      ...(fault ? { 'error.type': fault.code } : {}),
    },
    error: isOurFault ? fault.code : undefined,
  };
}
