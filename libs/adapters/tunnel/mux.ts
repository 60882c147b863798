import { Fault } from '@nm/kernel/fault';
import { decodeFrame, encodeFrame, type Frame } from './frame.js';
import { MuxStream } from './mux-stream.js';

/** Carrier takes and gives whole messages, in order: a WebSocket. */
export interface Carrier {
  /** Resolves when the message has left the process's own buffers. */
  send(message: Buffer): Promise<void>;
  /** Tells the other side why, as far as that goes. */
  close(reason: string): void;
}

export interface MuxOptions {
  readonly carrier: Carrier;
  /** A stream that the other side opened; without it nobody may open one here. */
  readonly onStream?: (stream: MuxStream) => void;
  readonly onHello?: (payload: Buffer) => void;
  /** Told of the payload of every frame of data. */
  readonly onBytes?: (direction: 'in' | 'out', bytes: number) => void;
}

const streamsMax = 2_048;

/** Mux puts many byte streams with flow control of their own on one carrier. One side opens (the server), the other accepts (the agent). */
export class Mux {
  readonly #options: MuxOptions;
  readonly #streams = new Map<number, MuxStream>();
  #nextId = 1;
  #closed = false;

  constructor(options: MuxOptions) {
    this.#options = options;
  }

  get streams(): number {
    return this.#streams.size;
  }

  /** No stream can be opened any more. */
  get isClosed(): boolean {
    return this.#closed;
  }

  /** open starts a stream. @throws Fault cluster_unreachable when the tunnel is gone or full */
  open(): MuxStream {
    if (this.#closed || this.#streams.size >= streamsMax)
      throw new Fault('cluster_unreachable', {
        public: this.#closed ? 'The agent’s tunnel is closed.' : 'The agent’s tunnel carries all that it can.',
        extra: { reason: 'agent_tunnel' },
      });
    const id = this.#nextId++;
    const stream = this.#make(id);
    this.#send('open', id);
    return stream;
  }

  /** hello sends a message about the tunnel itself. */
  hello(payload: Buffer): void {
    this.#send('hello', 0, payload);
  }

  /** receive takes one message of the carrier; one that is no frame ends the tunnel. */
  receive(message: Buffer): void {
    if (this.#closed) return;
    try {
      this.#dispatch(decodeFrame(message));
    } catch {
      this.close('the other side does not speak our protocol');
    }
  }

  /** close resets every stream; safe to call twice. */
  close(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const stream of this.#streams.values()) stream.reset(reason);
    this.#streams.clear();
    this.#options.carrier.close(reason);
  }

  #dispatch({ kind, stream: id, payload }: Frame): void {
    if (kind === 'hello') {
      this.#options.onHello?.(payload);
      return;
    }
    if (kind === 'open') {
      this.#accept(id);
      return;
    }
    // Frames for a stream that is over here are still on their way when it ends.
    const stream = this.#streams.get(id);
    if (!stream) return;
    if (kind === 'data') {
      this.#options.onBytes?.('in', payload.length);
      stream.received(payload);
    } else if (kind === 'window') stream.granted(payload.readUInt32BE(0));
    else if (kind === 'end') stream.ended();
    else stream.reset(payload.toString('utf8').slice(0, 200) || 'reset by the other side of the tunnel');
  }

  #accept(id: number): void {
    const { onStream } = this.#options;
    if (!onStream || this.#streams.has(id)) throw new Fault('bad_request', { internal: 'a stream out of turn' });
    if (this.#streams.size >= streamsMax) this.#send('reset', id, Buffer.from('too many streams'));
    else onStream(this.#make(id));
  }

  #make(id: number): MuxStream {
    const stream = new MuxStream({
      sendData: (chunk) => {
        this.#options.onBytes?.('out', chunk.length);
        return this.#options.carrier.send(encodeFrame('data', id, chunk));
      },
      sendWindow: (bytes) => {
        const payload = Buffer.alloc(4);
        payload.writeUInt32BE(bytes);
        this.#send('window', id, payload);
      },
      sendEnd: () => this.#send('end', id),
      closed: (reset) => {
        this.#streams.delete(id);
        if (reset) this.#send('reset', id, Buffer.from(stream.errored?.message.slice(0, 200) ?? ''));
      },
    });
    // Whoever holds the stream hears of its end in its own way; nobody's absence may end the process.
    stream.on('error', () => undefined);
    this.#streams.set(id, stream);
    return stream;
  }

  #send(kind: Frame['kind'], id: number, payload?: Buffer): void {
    if (this.#closed) return;
    this.#options.carrier.send(encodeFrame(kind, id, payload)).catch(() => this.close('the tunnel broke'));
  }
}
