import { Readable, Writable } from 'node:stream';
import { Fault } from '@nm/kernel/fault';
import type { WebSocket } from 'ws';

/** Channels of the remote command protocol: the first byte of each message (v5.channel.k8s.io and v4.channel.k8s.io). */
export const channel = { stdin: 0, stdout: 1, stderr: 2, status: 3, resize: 4, close: 255 } as const;

/** Channels splits one WebSocket into numbered byte streams, each with back pressure of its own reader. */
export class Channels {
  readonly #socket: WebSocket;
  readonly #readers = new Map<number, Readable>();
  readonly #full = new Set<number>();
  readonly #greeted = new Set<number>();
  readonly #greeting: boolean;
  /** Resolves with `undefined` when the socket ends, however it ends. */
  readonly closed: Promise<void>;

  /** @param options.greeting the first message of each channel is not content (port-forward puts the port's number there) */
  constructor(socket: WebSocket, options: { readonly greeting?: boolean } = {}) {
    this.#socket = socket;
    this.#greeting = options.greeting ?? false;
    socket.on('message', (data: Buffer) => this.#receive(data));
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        // What was read so far stays readable; then each stream ends.
        for (const reader of this.#readers.values()) reader.push(null);
        resolve();
      });
    });
    socket.resume();
  }

  /** The protocol that the server chose. */
  get protocol(): string {
    return this.#socket.protocol;
  }

  /** readable gives what arrives on a channel; what arrives on a channel that nobody asked for is dropped. */
  readable(number: number): Readable {
    const reader = new Readable({
      read: () => this.#drained(number),
      destroy: (error, done) => {
        this.#readers.delete(number);
        this.#drained(number);
        done(error);
      },
    });
    this.#readers.set(number, reader);
    return reader;
  }

  /**
   * writable sends on a channel. Its end is told to the server where the protocol can (v5: message 255); v4 knows no end of stdin, so
   * there the program goes on waiting for more.
   */
  writable(number: number): Writable {
    return new Writable({
      write: (chunk: Buffer, _, done) => this.send(number, chunk, done),
      final: (done) => {
        if (this.protocol !== 'v5.channel.k8s.io' || this.#socket.readyState !== this.#socket.OPEN) return done();
        this.#socket.send(Buffer.from([channel.close, number]), () => done());
      },
    });
  }

  send(number: number, chunk: Buffer, done: (error?: Error | null) => void = () => undefined): void {
    if (this.#socket.readyState !== this.#socket.OPEN) done(cutOff());
    else this.#socket.send(Buffer.concat([Buffer.from([number]), chunk]), { binary: true }, done);
  }

  /** close says goodbye and, should the other side not answer, ends the connection anyway. */
  close(): void {
    this.#socket.close(1000);
    // A full reader holds the socket back; nobody waits for its content any more.
    this.#full.clear();
    this.#socket.resume();
  }

  terminate(): void {
    this.#socket.terminate();
  }

  #receive(data: Buffer): void {
    const number = data[0] ?? -1;
    // The server opens every channel with an empty message.
    if (data.length < 2) return;
    if (this.#greeting && !this.#greeted.has(number)) return void this.#greeted.add(number);
    const reader = this.#readers.get(number);
    if (!reader || reader.push(data.subarray(1))) return;
    this.#full.add(number);
    this.#socket.pause();
  }

  #drained(number: number): void {
    if (this.#full.delete(number) && this.#full.size === 0) this.#socket.resume();
  }
}

/** cutOff is the fault of a stream that ended before it was over. */
export const cutOff = (): Fault =>
  new Fault('cluster_unreachable', {
    public: 'The connection to the cluster broke in the middle of a stream.',
    extra: { reason: 'StreamBroken' },
  });
