import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { Fault } from '@nm/kernel/fault';
import { systemClock } from '@nm/kernel/time';
import type { Answer } from '../exchange.js';
import { type ClientOrigin, directFrom } from '../trusted-peers.js';
import { putAnswer } from './answer-head.js';
import { BodyReader } from './body-reader.js';
import { badChunk } from './chunked-decoder.js';
import type { ClientHandle, NetContext } from './context.js';
import { NetExchange } from './exchange.js';
import type { ExchangeClient } from './exchange-client.js';
import { faultOf, headFaults, incomplete, parseRequestHead } from './parse-head.js';
import { parseProxyHeader, proxyMalformed } from './proxy-protocol.js';
import type { Wire, WireReader } from './wire.js';

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

const nothing = Buffer.alloc(0);

/** ClientConnection reads the requests on one connection, one exchange after the other. */
export class ClientConnection<Tag> implements ClientHandle, ExchangeClient, WireReader {
  readonly socket: Socket;
  readonly wire: Wire;
  readonly #context: NetContext<Tag>;
  #phase: Phase;
  #peer: ClientOrigin | undefined;
  #deadlineMs: number;
  /** What was not read yet lies between `at` and `to`. It is the wire's memory while that has given it, and else our own. */
  #bytes: Buffer = nothing;
  #at = 0;
  #to = 0;
  #exchange: NetExchange<Tag> | undefined;
  #wantsBody = false;
  #paused = false;
  #processing = false;
  readonly #body = new BodyReader();

  constructor(context: NetContext<Tag>, wire: Wire) {
    const { socket } = wire;
    this.#context = context;
    this.wire = wire;
    this.socket = socket;
    this.#deadlineMs = context.nowMs + context.headMs;
    this.#phase = context.proxyProtocol && context.trusted.has(this.peer.address) ? 'greeting' : 'ready';
    context.clients.add(this);
    wire.reader = this;
    socket.on('end', this.#onEnd);
    socket.on('error', ignore);
    socket.on('close', this.#onClose);
    socket.on('drain', this.#onDrain);
  }

  /** The peer, or whom a PROXY header names. */
  get peer(): ClientOrigin {
    this.#peer ??= directFrom(this.socket.remoteAddress ?? 'unknown', this.socket instanceof TLSSocket);
    return this.#peer;
  }

  get #isEmpty(): boolean {
    return this.#at === this.#to;
  }

  get idle(): boolean {
    return this.#phase === 'ready' && this.#isEmpty;
  }

  /** The whole body of the request has come. */
  get bodyDone(): boolean {
    return this.#body.done;
  }

  get hasBody(): boolean {
    return !this.#isEmpty && !this.#body.done;
  }

  receive(bytes: Buffer, from: number, to: number): void {
    if (this.#phase === 'ready' && this.#isEmpty) this.#deadlineMs = this.#context.nowMs + this.#context.headMs;
    if (this.#isEmpty) this.#look(bytes, from, to);
    else this.#lookAtBoth(bytes.subarray(from, to));
    this.#process();
    this.#exchange?.keepHead();
    if (this.#isEmpty) this.#bytes = nothing;
    else this.#keep();
  }

  #look(bytes: Buffer, from: number, to: number): void {
    this.#bytes = bytes;
    this.#at = from;
    this.#to = to;
  }

  #lookAtBoth(more: Buffer): void {
    const both = Buffer.concat([this.#bytes.subarray(this.#at, this.#to), more]);
    this.#look(both, 0, both.length);
  }

  #keep(): void {
    this.#look(Buffer.from(this.#bytes.subarray(this.#at, this.#to)), 0, this.#to - this.#at);
  }

  #forget(): void {
    this.#look(nothing, 0, 0);
  }

  /** process reads as far as it may; what runs inside may call it again. */
  #process(): void {
    if (this.#processing) return;
    this.#processing = true;
    while (!this.#isEmpty && this.#step());
    this.#processing = false;
  }

  #step(): boolean {
    switch (this.#phase) {
      case 'ready':
        return this.wire.needsDrain ? this.#waitForReader() : this.#readHead();
      case 'greeting':
        return this.#readGreeting();
      case 'closing':
        this.#forget();
        return false;
      case 'discarding':
        return this.#readBody();
      default:
        if (this.#wantsBody && !this.#body.done) return this.#readBody();
        if (this.#to - this.#at > aheadBytesMax) this.pause();
        return false;
    }
  }

  /** Who sends requests ahead and reads no answers gets no further ones: they would pile up here. */
  #waitForReader(): false {
    this.#deadlineMs = this.#context.nowMs + this.#context.timeouts.idleMs;
    this.pause();
    return false;
  }

  #readGreeting(): boolean {
    const { end, address } = parseProxyHeader(this.#bytes.subarray(this.#at, this.#to));
    if (end === proxyMalformed) this.#destroy();
    if (end <= 0) return false;
    if (address !== undefined) this.#peer = directFrom(address);
    this.#phase = 'ready';
    this.#at += end;
    return true;
  }

  #readHead(): boolean {
    const known = this.#context.known?.find(this.#bytes, this.#at, this.#to);
    if (known) {
      this.#at = this.#to;
      this.#body.none();
      this.#begin(new NetExchange(this.#context, this, { known }));
      return true;
    }
    const head = this.#context.heads.take();
    const end = parseRequestHead(this.#bytes, this.#at, this.#to, head);
    if (end <= 0) {
      this.#context.heads.give(head);
      if (end !== incomplete) this.#refuseBytes(end);
      return false;
    }
    this.#at = end;
    if (head.chunked) this.#body.chunked();
    else if (head.contentLength > 0) this.#body.length(head.contentLength);
    else this.#body.none();
    this.#begin(new NetExchange(this.#context, this, { head }));
    return true;
  }

  #begin(exchange: NetExchange<Tag>): void {
    this.#phase = 'busy';
    this.#deadlineMs = Number.POSITIVE_INFINITY;
    this.#wantsBody = false;
    this.#exchange = exchange;
    exchange.start();
  }

  #readBody(): boolean {
    const bytes = this.#bytes;
    const end = this.#body.feed(bytes, this.#at, this.#to);
    if (end === badChunk) {
      this.#forget();
      if (this.#exchange)
        this.#exchange.bodyFailed(new Fault('bad_request', { public: malformed('the body is not validly chunked') }));
      else this.#destroy();
      return false;
    }
    this.#at = end;
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
    this.#context.out.writeTo(this.wire);
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
    this.#deadlineMs = this.#context.nowMs + (this.#isEmpty ? keepAliveMs : this.#context.headMs);
    this.resume();
    this.#process();
  }

  becomeTunnel(): { readonly wire: Wire; readonly early: Buffer | undefined } {
    this.#phase = 'tunnel';
    this.#deadlineMs = Number.POSITIVE_INFINITY;
    this.socket.off('end', this.#onEnd).off('drain', this.#onDrain);
    const early = this.#isEmpty ? undefined : Buffer.from(this.#bytes.subarray(this.#at, this.#to));
    this.#forget();
    return { wire: this.wire, early };
  }

  /** end says that nothing more comes from us, and waits a moment for the other side. */
  end(): void {
    this.#phase = 'closing';
    this.#forget();
    this.#context.out.flush();
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
    if (this.#phase === 'ready' && !this.#isEmpty && !this.#paused)
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
    this.#forget();
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
