import type { Socket } from 'node:net';
import { Fault } from '@nm/kernel/fault';
import { systemClock } from '@nm/kernel/time';
import type { Answer } from '../exchange.js';
import { putAnswer } from './answer-head.js';
import { BodyReader } from './body-reader.js';
import { badChunk } from './chunked-decoder.js';
import type { ClientHandle, NetContext } from './context.js';
import { NetExchange } from './exchange.js';
import type { ExchangeClient } from './exchange-client.js';
import { faultOf, headFaults, incomplete, parseRequestHead } from './parse-head.js';
import { parseProxyHeader, proxyMalformed } from './proxy-protocol.js';

/** Longer than the 60 s of common load balancers, so that they and not we close an idle connection. */
const keepAliveMs = 65_000;
/** How long a client may go on sending what nobody wants before its connection is dropped. */
const lingerMs = 1_000;
/** Requests sent ahead (RFC 9112 §9.3.2) are held up to this; then nothing more is read. */
const aheadBytesMax = 64 * 1024;

type Phase =
  /** Before the PROXY header. */
  | 'greeting'
  /** Between requests, or in the head of one. */
  | 'ready'
  /** An exchange is under way. */
  | 'busy'
  /** The answer was early: the rest of the body is read away. */
  | 'discarding'
  /** Our side has ended; what comes is read away, so that no reset overtakes the answer. */
  | 'closing'
  | 'tunnel';

/** ClientConnection reads the requests on one connection, one exchange after the other. */
export class ClientConnection<Tag> implements ClientHandle, ExchangeClient {
  readonly socket: Socket;
  readonly #context: NetContext<Tag>;
  #phase: Phase;
  #address: string | undefined;
  #deadlineMs: number;
  #rest: Buffer | undefined;
  #exchange: NetExchange<Tag> | undefined;
  #wantsBody = false;
  #paused = false;
  #processing = false;
  readonly #body = new BodyReader();

  constructor(context: NetContext<Tag>, socket: Socket) {
    this.#context = context;
    this.socket = socket;
    this.#deadlineMs = context.nowMs + context.headMs;
    this.#phase = context.proxyProtocol && context.trusted.has(this.remoteAddress) ? 'greeting' : 'ready';
    context.clients.add(this);
    socket.on('data', this.#onData);
    socket.on('end', this.#onEnd);
    socket.on('error', ignore);
    socket.on('close', this.#onClose);
    socket.on('drain', this.#onDrain);
  }

  /** The peer, or whom a PROXY header names. */
  get remoteAddress(): string {
    this.#address ??= this.socket.remoteAddress ?? 'unknown';
    return this.#address;
  }

  get idle(): boolean {
    return this.#phase === 'ready' && this.#rest === undefined;
  }

  /** The whole body of the request has come. */
  get bodyDone(): boolean {
    return this.#body.done;
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#phase === 'ready' && this.#rest === undefined)
      this.#deadlineMs = this.#context.nowMs + this.#context.headMs;
    this.#rest = this.#rest ? Buffer.concat([this.#rest, chunk]) : chunk;
    this.#process();
  };

  /** process reads as far as it may; what runs inside may call it again. */
  #process(): void {
    if (this.#processing) return;
    this.#processing = true;
    while (this.#rest !== undefined && this.#step(this.#rest));
    this.#processing = false;
  }

  #step(bytes: Buffer): boolean {
    switch (this.#phase) {
      case 'greeting':
        return this.#readGreeting(bytes);
      case 'ready':
        return this.socket.writableNeedDrain ? this.#waitForReader() : this.#readHead(bytes);
      case 'closing':
        this.#rest = undefined;
        return false;
      case 'discarding':
        return this.#readBody(bytes);
      default:
        if (this.#wantsBody && !this.#body.done) return this.#readBody(bytes);
        if (bytes.length > aheadBytesMax) this.pause();
        return false;
    }
  }

  /** Who sends requests ahead and reads no answers gets no further ones: they would pile up here. */
  #waitForReader(): false {
    this.#deadlineMs = this.#context.nowMs + this.#context.timeouts.idleMs;
    this.pause();
    return false;
  }

  #keepRest(bytes: Buffer, from: number): void {
    this.#rest = from < bytes.length ? bytes.subarray(from) : undefined;
  }

  #readGreeting(bytes: Buffer): boolean {
    const { end, address } = parseProxyHeader(bytes);
    if (end === proxyMalformed) this.#destroy();
    if (end <= 0) return false;
    if (address !== undefined) this.#address = address;
    this.#phase = 'ready';
    this.#keepRest(bytes, end);
    return true;
  }

  #readHead(bytes: Buffer): boolean {
    const head = this.#context.heads.take();
    const end = parseRequestHead(bytes, 0, bytes.length, head);
    if (end <= 0) {
      this.#context.heads.give(head);
      if (end !== incomplete) this.#refuseBytes(end);
      return false;
    }
    this.#keepRest(bytes, end);
    if (head.chunked) this.#body.chunked();
    else if (head.contentLength > 0) this.#body.length(head.contentLength);
    else this.#body.none();
    this.#phase = 'busy';
    this.#deadlineMs = Number.POSITIVE_INFINITY;
    this.#wantsBody = false;
    this.#exchange = new NetExchange(this.#context, this, head);
    this.#exchange.start();
    return true;
  }

  #readBody(bytes: Buffer): boolean {
    const end = this.#body.feed(bytes, 0, bytes.length);
    if (end === badChunk) {
      this.#rest = undefined;
      if (this.#exchange)
        this.#exchange.bodyFailed(new Fault('bad_request', { public: malformed('the body is not validly chunked') }));
      else this.#destroy();
      return false;
    }
    this.#keepRest(bytes, end);
    if (this.#phase === 'discarding') {
      if (this.#body.done) this.#next();
      return true;
    }
    this.#exchange?.requestBody(bytes, this.#body.dataStart, this.#body.dataEnd, this.#body.done);
    return !this.#paused;
  }

  /** Trailer fields of the request's body. */
  get trailers(): string {
    return this.#body.trailers;
  }

  get bodyIsChunked(): boolean {
    return this.#body.framing === 'chunked';
  }

  /** startBody lets the body flow: the upstream is there. */
  startBody(): void {
    this.#wantsBody = true;
    this.resume();
    this.#process();
  }

  pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.socket.pause();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.socket.resume();
    this.#process();
  }

  /** What is no request is told so, once, and the connection ends. */
  #refuseBytes(code: number): void {
    const reason = headFaults[-code] ?? '';
    const large = code === faultOf.headTooLarge || code === faultOf.tooManyFields;
    const name = large ? 'headers_too_large' : code === faultOf.lineTooLong ? 'target_too_long' : 'bad_request';
    this.#answerAlone(this.#context.policy.refuse(new Fault(name, { public: malformed(reason) })));
  }

  #answerAlone(answer: Answer): void {
    putAnswer(this.#context.out, answer, { httpMinor: 1, close: true }, false, systemClock.nowMs());
    this.#context.out.writeTo(this.socket);
    this.end();
  }

  /** exchangeDone goes on with the next request, or ends the connection. */
  exchangeDone(close: boolean): void {
    this.#exchange = undefined;
    if (this.socket.destroyed) return;
    if (close) return void this.end();
    if (this.#body.done) return void this.#next();
    this.#phase = 'discarding';
    this.#deadlineMs = this.#context.nowMs + lingerMs;
    this.resume();
    this.#process();
  }

  #next(): void {
    this.#phase = 'ready';
    this.#deadlineMs = this.#context.nowMs + (this.#rest === undefined ? keepAliveMs : this.#context.headMs);
    this.resume();
    this.#process();
  }

  /** becomeTunnel hands the socket's bytes to the exchange. @returns bytes that came already */
  becomeTunnel(): Buffer | undefined {
    this.#phase = 'tunnel';
    this.#deadlineMs = Number.POSITIVE_INFINITY;
    this.socket.off('data', this.#onData).off('end', this.#onEnd).off('drain', this.#onDrain);
    const early = this.#rest;
    this.#rest = undefined;
    return early;
  }

  /** end says that nothing more comes from us, and waits a moment for the other side. */
  end(): void {
    this.#phase = 'closing';
    this.#rest = undefined;
    const unsent = this.socket.writableLength > 0;
    this.#deadlineMs = this.#context.nowMs + (unsent ? this.#context.timeouts.idleMs : lingerMs);
    if (unsent) this.socket.once('finish', this.#onFinish);
    this.socket.end();
    this.resume();
  }

  #destroy(): void {
    this.socket.destroy();
  }

  /** goIdle lets an idle connection go soon (drain). */
  goSoon(): void {
    if (this.idle) this.#deadlineMs = Math.min(this.#deadlineMs, this.#context.nowMs + lingerMs);
  }

  tick(nowMs: number): void {
    if (nowMs < this.#deadlineMs) return;
    if (this.#phase === 'ready' && this.#rest !== undefined && !this.#paused)
      this.#answerAlone(
        this.#context.policy.refuse(new Fault('body_timeout', { public: 'The request did not arrive in time.' })),
      );
    else this.#destroy();
  }

  readonly #onEnd = (): void => {
    if (this.#phase === 'busy') this.#destroy();
    else if (this.#phase !== 'closing') this.end();
  };

  readonly #onClose = (): void => {
    this.#context.clients.delete(this);
    this.#rest = undefined;
    this.#exchange?.clientGone();
  };

  readonly #onDrain = (): void => {
    this.#exchange?.clientDrained();
    if (this.#exchange || !this.#paused) return;
    if (this.#phase === 'ready') this.#deadlineMs = this.#context.nowMs + this.#context.headMs;
    this.resume();
  };

  /** A slow reader has got the end of the answer. */
  readonly #onFinish = (): void => {
    this.#deadlineMs = this.#context.nowMs + lingerMs;
  };
}

const ignore = (): void => undefined;
const malformed = (reason: string): string => `The request is not valid HTTP: ${reason}.`;
