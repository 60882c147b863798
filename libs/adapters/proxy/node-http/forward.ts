import type { IncomingMessage, ServerResponse } from 'node:http';
import { Fault, toFault } from '@nm/kernel/fault';
import type { Dispatcher } from 'undici';
import { bodyFault, openEndedIdleMs } from '../bounds.js';
import type { CutStyle, OpenExchange, Outcome, Plan, Target } from '../exchange.js';
import { dropOf, linesFrom, pairsOf } from '../field-lines.js';
import { endToEnd } from '../headers.js';
import { EventStreamTail } from '../sse-tail.js';
import { isDialError, upstreamFault } from '../upstream-error.js';
import { discardUnread, hasBody, RequestBody } from './request-body.js';

export interface ForwardContext<Tag> {
  readonly dispatcherOf: (target: Target) => Dispatcher;
  readonly idleMs: number;
  readonly headersMs: number;
  readonly open: Set<OpenExchange<Tag>>;
  /** Our name in `Via`. */
  readonly pseudonym: string;
  /** Every answer closes its connection (drain). */
  readonly closing: () => boolean;
}

const gone = new Error('the client has gone');

/**
 * Forward carries one request to the upstream and its answer back, streaming both ways with backpressure.
 * It is undici's handler and the open exchange in one object: this is the hot path.
 */
export class Forward<Tag> implements Dispatcher.DispatchHandler, OpenExchange<Tag> {
  readonly tag: Tag;
  readonly done: Promise<Outcome>;
  readonly #context: ForwardContext<Tag>;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #plan: Plan<Tag>;
  #resolve: (outcome: Outcome) => void = () => undefined;
  #controller: Dispatcher.DispatchController | undefined;
  #body: RequestBody | undefined;
  #stall: NodeJS.Timeout | undefined;
  #tail: EventStreamTail | undefined;
  #bytesIn = 0;
  #bytesOut = 0;
  #started = false;
  #upstreamEnded = false;
  #redialled = false;
  #waitsForDrain = false;
  #over = false;
  #fault: Fault | undefined;

  constructor(context: ForwardContext<Tag>, request: IncomingMessage, response: ServerResponse, plan: Plan<Tag>) {
    this.#context = context;
    this.#request = request;
    this.#response = response;
    this.#plan = plan;
    this.tag = plan.tag;
    this.done = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  get kind(): 'request' | 'stream' {
    return this.#tail || (this.#plan.openEnded && this.#started) ? 'stream' : 'request';
  }

  start(): void {
    this.#context.open.add(this);
    this.#response.once('close', this.#onClientClose);
    if (this.#response.destroyed) this.#onClientClose();
    else this.#dispatch(this.#plan.target);
  }

  #dispatch(target: Target): void {
    this.#body = hasBody(this.#request)
      ? new RequestBody(this.#request, { onFirstRead: this.#onFirstRead, onBytes: this.#onBytesIn })
      : undefined;
    try {
      this.#context.dispatcherOf(target).dispatch(
        {
          path: target.path,
          method: this.#request.method as Dispatcher.HttpMethod,
          headers: headersFor(this.#request, this.#plan, this.#context.pseudonym),
          body: this.#body ?? null,
          ...(target.connector ? { origin: target.origin, headersTimeout: this.#context.headersMs } : {}),
          ...(this.#plan.openEnded ? { bodyTimeout: openEndedIdleMs } : {}),
        },
        this,
      );
    } catch (error) {
      this.#fail(upstreamFault(error));
    }
  }

  readonly #onFirstRead = (): void => {
    if (this.#request.headers.expect !== undefined) this.#response.writeContinue();
    this.#watch('the request body stopped coming', 'body_timeout');
  };

  readonly #onBytesIn = (count: number): void => {
    this.#bytesIn += count;
    const tooLarge = bodyFault(this.#plan.bodyBytesMax, this.#bytesIn);
    if (tooLarge) return void this.cut(tooLarge);
    this.#stall?.refresh();
  };

  /** watch ends the exchange when a side that should move does not, for the idle time. */
  #watch(what: string, code: 'body_timeout' | 'upstream_timeout'): void {
    clearTimeout(this.#stall);
    this.#stall = setTimeout(() => {
      if (code === 'body_timeout' && this.#request.complete) return;
      const upstreamIsFull = this.#request.isPaused();
      this.cut(new Fault(upstreamIsFull ? 'upstream_timeout' : code, { internal: what }));
    }, this.#context.idleMs);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#over) controller.abort(gone);
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    _headers: unknown,
    statusMessage?: string,
  ): void {
    if (status < 200 || this.#over) return;
    const raw = rawOf(controller);
    const headers = endToEnd(raw, dropOf(this.#plan.answerFilter));
    headers.push(...pairsOf(linesFrom((out) => this.#plan.addToAnswer(out))));
    if (this.#context.closing()) headers.push('Connection', 'close');
    try {
      this.#response.writeHead(status, statusMessage, headers);
    } catch (error) {
      this.#fail(upstreamFault(error));
      return;
    }
    this.#started = true;
    this.#tail = EventStreamTail.of(raw);
    if (this.kind === 'stream') this.#plan.lasts?.();
    // Head and first bytes usually arrive together and leave in one write; when nothing follows, the head must not wait for it.
    process.nextTick(this.#flushHead);
  }

  readonly #flushHead = (): void => {
    if (this.#bytesOut === 0 && !this.#upstreamEnded && !this.#over) this.#response.flushHeaders();
  };

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#over) return;
    this.#bytesOut += chunk.length;
    this.#tail?.see(chunk);
    this.#plan.peek?.(chunk, 0, chunk.length);
    if (this.#response.write(chunk)) return;
    controller.pause();
    this.#watch('the client stopped reading', 'upstream_timeout');
    if (this.#waitsForDrain) return;
    this.#waitsForDrain = true;
    this.#response.on('drain', this.#onDrain);
  }

  readonly #onDrain = (): void => {
    clearTimeout(this.#stall);
    this.#controller?.resume();
  };

  onResponseEnd(): void {
    if (this.#over) return;
    this.#upstreamEnded = true;
    clearTimeout(this.#stall);
    this.#response.end();
    discardUnread(this.#request);
  }

  onResponseError(_controller: unknown, error: Error): void {
    if (this.#over) return;
    if (this.#request.destroyed && !this.#request.complete) {
      this.#finish(true);
      return;
    }
    const mayRedial = this.#controller === undefined && isDialError(error) && !this.#redialled;
    if (!mayRedial || !this.#plan.redial) {
      this.#fail(upstreamFault(error));
      return;
    }
    this.#redialled = true;
    this.#plan.redial().then(
      (target) => {
        if (this.#over) return;
        if (target) this.#dispatch(target);
        else this.#fail(upstreamFault(error));
      },
      (reason: unknown) => this.#fail(toFault(reason)),
    );
  }

  /** cut ends the exchange from our side; a client without an answer yet gets `reason` from the caller. */
  cut(reason: Fault, style: CutStyle = 'now'): void {
    if (this.#over) return;
    if (style === 'goodbye' && this.kind === 'stream') {
      this.#fault = reason;
      this.#response.end(this.#tail?.goodbye());
      this.#upstreamEnded = true;
      this.#controller?.abort(reason);
      return;
    }
    this.#fail(reason);
    this.#controller?.abort(reason);
  }

  #fail(fault: Fault): void {
    if (this.#over) return;
    this.#fault = fault;
    // A cut-off body must look cut off: the connection is dropped, never ended politely.
    if (this.#started) this.#response.destroy();
    this.#finish(false);
  }

  readonly #onClientClose = (): void => {
    if (this.#over) return;
    const complete = this.#upstreamEnded && this.#response.writableFinished;
    this.#finish(!complete);
    if (!complete) this.#controller?.abort(gone);
  };

  #finish(clientGone: boolean): void {
    this.#over = true;
    clearTimeout(this.#stall);
    this.#context.open.delete(this);
    this.#response.off('close', this.#onClientClose).off('drain', this.#onDrain);
    this.#resolve({
      status: this.#started ? this.#response.statusCode : 0,
      clientGone,
      bytesIn: this.#bytesIn,
      bytesOut: this.#bytesOut,
      ...(this.#fault ? { fault: this.#fault } : {}),
    });
  }
}

/** headersFor makes the fields for the upstream: the client's that may pass, and the plan's. */
export function headersFor<Tag>(request: IncomingMessage, plan: Plan<Tag>, pseudonym: string): string[] {
  const drop = dropOf(plan.requestFilter);
  const headers = endToEnd(request.rawHeaders, (name) => name === 'host' || drop(name));
  const added = linesFrom((out) => {
    if (plan.requestFields) out.prepared(plan.requestFields);
    plan.addToRequest(out);
  });
  headers.push(...pairsOf(added), 'Via', `1.${request.httpVersionMinor} ${pseudonym}`);
  return headers;
}

/** rawOf reads the upstream's fields as they came, bytes as latin1 like Node's own. */
export function rawOf(controller: Dispatcher.DispatchController): string[] {
  const raw = controller.rawHeaders;
  if (!Array.isArray(raw)) return [];
  return raw.map((part) => (typeof part === 'string' ? part : part.toString('latin1')));
}
