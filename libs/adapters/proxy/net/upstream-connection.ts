import type { Socket } from 'node:net';
import { BodyReader } from './body-reader.js';
import { badChunk } from './chunked-decoder.js';
import { MessageHead } from './message-head.js';
import { headFaults, incomplete, parseResponseHead } from './parse-head.js';
import type { Wire, WireReader } from './wire.js';

/** Whoever has a connection to an upstream for one exchange. Nothing is called after `upstreamEnded` or `upstreamFailed`. */
export interface UpstreamUser {
  /** The request was a HEAD: its answer has no content. */
  readonly isHead: boolean;
  /** All of the request is on its way. */
  readonly requestSent: boolean;
  upstreamReady(): void;
  /** A 1xx answer but 101. */
  upstreamInterim(head: MessageHead): void;
  /** The head of the answer, and how its content comes. */
  upstreamAnswer(head: MessageHead, framing: BodyReader['framing']): void;
  /** The memory is used again afterwards. */
  upstreamData(bytes: Buffer, start: number, end: number): void;
  /** What came together has been told. */
  upstreamFlush(): void;
  /** The answer is complete; its end is sent before the connection is anybody else's. */
  upstreamComplete(trailers: string): void;
  upstreamEnded(): void;
  upstreamFailed(error: Error): void;
  upstreamDrained(): void;
  /** 101: from now on the wire is the user's. @param rest bytes that came behind the head */
  upstreamSwitched(head: MessageHead, wire: Wire, rest: Buffer): void;
}

/** What becomes of a connection that nobody uses. */
export interface UpstreamHome {
  giveBack(connection: UpstreamConnection): void;
  gone(connection: UpstreamConnection): void;
}

const switched = 101;
const cut = (message: string): Error => Object.assign(new Error(message), { code: 'ECONNRESET' });
/** Read at once, within one event. */
const answerHead = new MessageHead();

/** UpstreamConnection reads the answers on one connection to an upstream, one exchange after the other. */
export class UpstreamConnection implements WireReader {
  readonly socket: Socket;
  /** Of its origin, as `Host` says it. */
  readonly host: string;
  /** When it became idle. */
  idleSinceMs = 0;
  ready = false;
  #user: UpstreamUser | undefined;
  #rest: Buffer | undefined;
  #readsBody = false;
  #keepAlive = false;
  #over = false;
  readonly #body = new BodyReader();
  readonly wire: Wire;
  readonly #home: UpstreamHome;

  constructor(wire: Wire, home: UpstreamHome, host: string) {
    const { socket } = wire;
    this.socket = socket;
    this.host = host;
    this.wire = wire;
    this.#home = home;
    wire.reader = this;
    socket.on('end', this.#onEnd);
    socket.on('error', this.#onError);
    socket.on('close', this.#onClose);
    socket.on('drain', this.#onDrain);
  }

  /** connected is told once by whoever opened the socket. */
  connected(): void {
    this.ready = true;
    this.#user?.upstreamReady();
  }

  use(user: UpstreamUser): void {
    this.#user = user;
    this.#readsBody = false;
    this.#rest = undefined;
  }

  /** abandon ends the connection in the middle of an exchange; its user hears nothing more. */
  abandon(): void {
    this.#user = undefined;
    this.destroy();
  }

  destroy(): void {
    if (!this.#over) {
      this.#over = true;
      this.#home.gone(this);
    }
    this.socket.destroy();
  }

  receive(bytes: Buffer, from: number, to: number): void {
    const user = this.#user;
    // An answer to nothing: whatever it is, the next request must not get it.
    if (!user) return void this.destroy();
    const rest = this.#rest;
    if (rest === undefined) return void this.#read(user, bytes, from, to);
    this.#rest = undefined;
    const joined = Buffer.concat([rest, bytes.subarray(from, to)]);
    this.#read(user, joined, 0, joined.length);
  }

  #read(user: UpstreamUser, bytes: Buffer, from: number, to: number): void {
    let at = from;
    while (!this.#readsBody) {
      const end = parseResponseHead(bytes, at, to, answerHead);
      if (end === incomplete) {
        if (at < to) this.#rest = Buffer.from(bytes.subarray(at, to));
        return void user.upstreamFlush();
      }
      if (end < 0) return void this.#fail(new Error(`the answer is not valid HTTP: ${headFaults[-end]}`));
      at = end;
      if (answerHead.status === switched) return void this.#switch(user, Buffer.from(bytes.subarray(at, to)));
      if (answerHead.status < 200) {
        user.upstreamInterim(answerHead);
        continue;
      }
      this.#frame(user.isHead);
      user.upstreamAnswer(answerHead, this.#body.framing);
      if (this.#user !== user) return;
    }
    if (!this.#body.done && at < to) {
      at = this.#body.feed(bytes, at, to);
      if (at === badChunk) return void this.#fail(new Error('the answer is not validly chunked'));
      if (this.#body.dataEnd > this.#body.dataStart) user.upstreamData(bytes, this.#body.dataStart, this.#body.dataEnd);
      if (this.#user !== user) return;
    }
    if (this.#body.done) this.#complete(user, at === to);
    else user.upstreamFlush();
  }

  /** RFC 9112 §6.3. */
  #frame(isHead: boolean): void {
    const { status, chunked, contentLength, httpMinor, close, keepAlive } = answerHead;
    this.#readsBody = true;
    if (isHead || status === 204 || status === 304) this.#body.none();
    else if (chunked) this.#body.chunked();
    else if (contentLength >= 0) this.#body.length(contentLength);
    else this.#body.untilClose();
    this.#keepAlive = this.#body.framing !== 'close' && (httpMinor === 1 ? !close : keepAlive && !close);
  }

  #complete(user: UpstreamUser, clean: boolean): void {
    this.#user = undefined;
    user.upstreamComplete(this.#body.trailers);
    // The user's client may have been full with the last bytes; the next user's need not be.
    if (this.socket.isPaused()) this.socket.resume();
    // Given back before the user goes on: the next request of the same client may follow at once.
    if (this.#keepAlive && clean && user.requestSent && !this.socket.destroyed) this.#home.giveBack(this);
    else this.destroy();
    user.upstreamEnded();
  }

  #switch(user: UpstreamUser, rest: Buffer): void {
    this.#user = undefined;
    this.#over = true;
    this.#home.gone(this);
    const { socket } = this;
    socket.off('end', this.#onEnd).off('close', this.#onClose).off('drain', this.#onDrain);
    user.upstreamSwitched(answerHead, this.wire, rest);
  }

  readonly #onEnd = (): void => {
    const user = this.#user;
    if (user && this.#readsBody && this.#body.framing === 'close') {
      this.#keepAlive = false;
      return void this.#complete(user, true);
    }
    this.#fail(cut('the upstream closed the connection'));
  };

  readonly #onError = (error: Error): void => this.#fail(error);

  readonly #onClose = (): void => this.#fail(cut('the connection to the upstream was closed'));

  readonly #onDrain = (): void => this.#user?.upstreamDrained();

  #fail(error: Error): void {
    const user = this.#user;
    this.#user = undefined;
    this.destroy();
    user?.upstreamFailed(error);
  }
}
