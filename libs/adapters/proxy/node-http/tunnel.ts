import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { Fault, toFault } from '@nm/kernel/fault';
import type { Dispatcher } from 'undici';
import { openEndedIdleMs } from '../bounds.js';
import type { CutStyle, OpenExchange, Outcome, Plan, Target } from '../exchange.js';
import { dropOf, linesFrom, pairsOf } from '../field-lines.js';
import { endToEnd, valuesOf } from '../headers.js';
import { isDialError, upstreamFault } from '../upstream-error.js';
import { closeFrame, FrameBoundary } from '../websocket-frames.js';
import { type ForwardContext, headersFor, rawOf } from './forward.js';
import { relay } from './relay.js';

const gone = new Error('the client has gone');

/** What the upstream answered when it did not switch protocols; the caller writes it as an ordinary answer. */
export interface Refusal {
  readonly status: number;
  readonly headers: readonly string[];
}

export interface TunnelOutcome extends Outcome {
  /** Set when the upstream answered with something else than 101. */
  readonly refusal?: Refusal;
}

/** Tunnel asks the upstream to switch protocols (RFC 9110 §7.8) and then carries bytes both ways until either side ends. */
export class Tunnel<Tag> implements Dispatcher.DispatchHandler, OpenExchange<Tag> {
  readonly kind = 'tunnel';
  readonly tag: Tag;
  readonly done: Promise<TunnelOutcome>;
  readonly #context: ForwardContext<Tag>;
  readonly #request: IncomingMessage;
  readonly #client: Duplex;
  readonly #plan: Plan<Tag>;
  readonly #protocol: string;
  #head: Buffer;
  #resolve: (outcome: TunnelOutcome) => void = () => undefined;
  #controller: Dispatcher.DispatchController | undefined;
  #upstream: Duplex | undefined;
  #frames: FrameBoundary | undefined;
  #bytesIn = 0;
  #bytesOut = 0;
  #redialled = false;
  #over = false;
  #fault: Fault | undefined;

  constructor(context: ForwardContext<Tag>, request: IncomingMessage, client: Duplex, head: Buffer, plan: Plan<Tag>) {
    this.#context = context;
    this.#request = request;
    this.#client = client;
    this.#head = head;
    this.#plan = plan;
    this.#protocol = request.headers.upgrade ?? '';
    this.tag = plan.tag;
    this.done = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  start(): void {
    this.#context.open.add(this);
    this.#client.on('error', () => undefined).once('close', this.#onClose);
    if (this.#client.destroyed) this.#onClose();
    else this.#dispatch(this.#plan.target);
  }

  #dispatch(target: Target): void {
    const headers = headersFor(this.#request, this.#plan, this.#context.pseudonym);
    const method = this.#request.method as Dispatcher.HttpMethod;
    const { origin, path, connector } = target;
    const more = connector ? { origin, headersTimeout: this.#context.headersMs } : {};
    this.#context.dispatcherOf(target).dispatch({ path, method, headers, upgrade: this.#protocol, ...more }, this);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#over) controller.abort(gone);
  }

  onRequestUpgrade(controller: Dispatcher.DispatchController, status: number, _headers: unknown, socket: Duplex): void {
    const raw = rawOf(controller);
    if (this.#over) return void socket.destroy();
    this.#upstream = socket;
    this.#plan.lasts?.();
    if (this.#protocol.toLowerCase() === 'websocket') this.#frames = new FrameBoundary();
    const fields = endToEnd(raw, dropOf(this.#plan.answerFilter));
    fields.push(...pairsOf(linesFrom((out) => this.#plan.addToAnswer(out))), 'Connection', 'Upgrade');
    fields.push('Upgrade', valuesOf(raw, 'upgrade')[0] ?? this.#protocol);
    let text = `HTTP/1.1 ${status} Switching Protocols\r\n`;
    for (let i = 0; i < fields.length; i += 2) text += `${fields[i]}: ${fields[i + 1]}\r\n`;
    this.#client.write(`${text}\r\n`, 'latin1');
    if (this.#head.length > 0) {
      this.#bytesIn += this.#head.length;
      socket.write(this.#head);
      this.#head = Buffer.alloc(0);
    }
    socket.on('error', () => undefined).once('close', this.#onClose);
    const idleMs = this.#plan.openEnded ? openEndedIdleMs : this.#context.idleMs;
    relay(this.#client, socket, idleMs, (chunk) => {
      this.#bytesIn += chunk.length;
    });
    relay(socket, this.#client, idleMs, (chunk) => {
      this.#bytesOut += chunk.length;
      this.#frames?.see(chunk);
    });
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    if (status < 200 || this.#over) return;
    const drop = dropOf(this.#plan.answerFilter);
    const headers = endToEnd(rawOf(controller), (name) => name === 'content-length' || drop(name));
    this.#finish({ refusal: { status, headers } });
    controller.abort(gone);
  }

  onResponseData(): void {
    // Nothing to do: the refusal was told with its head.
  }

  onResponseEnd(): void {
    // Nothing to do, likewise.
  }

  onResponseError(_controller: unknown, error: Error): void {
    if (this.#over) return;
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

  /** cut closes the tunnel: a WebSocket between two frames gets a close frame (1001 on a drain, 1008 on a denial) first. */
  cut(reason: Fault, style: CutStyle): void {
    if (this.#over) return;
    if (this.#upstream && this.#frames?.clean) this.#client.write(closeFrame(style === 'goodbye' ? 1001 : 1008));
    this.#fail(reason);
  }

  #fail(fault: Fault): void {
    if (this.#over) return;
    this.#fault = fault;
    const open = this.#upstream !== undefined;
    this.#finish({});
    if (!open) return void this.#controller?.abort(gone);
    this.#upstream?.destroy();
    this.#client.end();
    setTimeout(() => this.#client.destroy(), 200).unref();
  }

  readonly #onClose = (): void => {
    if (this.#over) return;
    const open = this.#upstream !== undefined;
    this.#finish({});
    if (!open) return void this.#controller?.abort(gone);
    this.#upstream?.destroy();
    if (!this.#client.writableFinished) this.#client.end();
    setTimeout(() => this.#client.destroy(), 1_000).unref();
  };

  #finish(more: { refusal?: Refusal }): void {
    this.#over = true;
    this.#context.open.delete(this);
    this.#client.off('close', this.#onClose);
    this.#upstream?.off('close', this.#onClose);
    this.#resolve({
      status: this.#upstream ? 101 : 0,
      clientGone: this.#client.destroyed && this.#upstream === undefined,
      bytesIn: this.#bytesIn,
      bytesOut: this.#bytesOut,
      ...(this.#fault ? { fault: this.#fault } : {}),
      ...more,
    });
  }
}
