import { connect, type OnReadOpts, Socket, type SocketConstructorOpts } from 'node:net';
import { getSystemErrorName } from 'node:util';
import { eventWiring, Wire, type Wiring } from './wire.js';
import { carries } from './wire-trial.js';

/** Large enough for what the kernel has at once of a fast body: an answer of 100 KB is mostly read, and written, in one. It serves all connections of the process. */
const sharedBytes = 128 * 1024;
const shared = Buffer.allocUnsafeSlow(sharedBytes);

/** One write that the kernel has not taken whole. */
interface WriteRequest {
  oncomplete?: (status: number) => void;
  /** Not to be collected before. */
  bytes?: Buffer;
}

/** Node's own connection to a socket of libuv. */
interface RawHandle {
  onread: (this: RawHandle, memory: unknown) => void;
  useUserBuffer(memory: Buffer): void;
  /** @returns 0, or the negative number of an error; whether all was taken at once stands in the binding's state */
  writeBuffer(request: WriteRequest, bytes: Buffer): number;
}

/** What Node has inside a socket and does not document. */
interface Inner {
  _handle: RawHandle | null;
  _server: unknown;
}

/** What Node's own streams know of libuv's. */
export interface StreamBinding {
  readonly WriteWrap: new () => WriteRequest;
  readonly streamBaseState: ArrayLike<number>;
  readonly kReadBytesOrError: number;
  readonly kLastWriteWasAsync: number;
}

/** Node gives its bindings to who asks by this name, which it advises against. */
const bindingOf = (): StreamBinding =>
  (process as unknown as { binding(name: string): StreamBinding }).binding('stream_wrap');

const handleOf = (socket: Socket): RawHandle | null => (socket as unknown as Inner)._handle;

function failure(status: number): Error {
  const code = getSystemErrorName(status);
  return Object.assign(new Error(`write ${code}`), { code, errno: status, syscall: 'write' });
}

const toNobody: OnReadOpts = { buffer: shared, callback: () => true };

/** A wire that reads and writes by the handle of its socket. Streams cost two objects, two ticks and some thirty calls a message, for queues that are nearly always empty. */
class RawWire extends Wire {
  readonly #binding: StreamBinding;
  #handle: RawHandle | undefined;
  /** The stream has, or had, bytes to send: those after them have to wait in it too. */
  #queues = true;

  constructor(binding: StreamBinding) {
    super();
    this.#binding = binding;
  }

  /** take goes past the stream from here on; the end of the connection, and errors, still go through it. */
  take(): void {
    const handle = handleOf(this.socket);
    if (!handle) return;
    const { streamBaseState: state, kReadBytesOrError } = this.#binding;
    const { onread } = handle;
    handle.onread = (memory) => {
      const count = state[kReadBytesOrError] as number;
      if (count > 0) this.reader.receive(shared, 0, count);
      else onread.call(handle, memory);
    };
    this.#handle = handle;
  }

  override write(bytes: Buffer): boolean {
    const handle = this.#handle;
    const { socket } = this;
    // A socket that was destroyed, or not connected yet, knows what to say.
    if (handle === undefined || handleOf(socket) !== handle || this.writableLength > 0) return socket.write(bytes);
    this.#queues = false;
    const { streamBaseState: state, kLastWriteWasAsync } = this.#binding;
    spare ??= new this.#binding.WriteWrap();
    const status = handle.writeBuffer(spare, bytes);
    if (status === 0 && state[kLastWriteWasAsync] === 0) return true;
    if (status === 0) return this.#queue(bytes, spare);
    socket.destroy(failure(status));
    return true;
  }

  override get writableLength(): number {
    return this.#queues ? this.socket.writableLength : 0;
  }

  override get needsDrain(): boolean {
    return this.#queues && this.socket.writableNeedDrain;
  }

  /** The kernel was full, so the rest is under way in libuv. The stream is given the same write, as one that it had made itself: it counts, tells of the drain, and has what follows wait. */
  #queue(bytes: Buffer, request: WriteRequest): boolean {
    const { socket } = this;
    spare = undefined;
    this.#queues = true;
    request.bytes = bytes;
    socket._write = (_bytes, _encoding, done) => {
      request.oncomplete = (status) => done(status === 0 ? null : failure(status));
    };
    const goesOn = socket.write(bytes);
    delete (socket as Partial<Socket>)._write;
    return goesOn;
  }
}

/** Only a write that is not taken whole keeps its request. */
let spare: WriteRequest | undefined;

/**
 * wiringBy reads everything into one buffer and writes without a stream between. For sockets that we dial the buffer is documented (`onread`). An accepted socket comes without, so its handle is put into a new one, which Node does
 * not document.
 */
export const wiringBy = (binding: StreamBinding): Wiring => ({
  accept: (socket) => {
    const inner = socket as unknown as Inner;
    const handle = inner._handle;
    if (typeof handle?.useUserBuffer !== 'function') return eventWiring.accept(socket);
    const wire = new RawWire(binding);
    const options = { handle, allowHalfOpen: true, onread: toNobody } as unknown as SocketConstructorOpts;
    wire.socket = new Socket(options);
    // The server counts its connections by this, and waits for them when it closes.
    (wire.socket as unknown as Inner)._server = inner._server;
    inner._handle = null;
    inner._server = null;
    wire.take();
    return wire;
  },
  dial: (host, port) => {
    const wire = new RawWire(binding);
    wire.socket = connect({ host, port, noDelay: true, onread: toNobody });
    wire.socket.once('connect', () => wire.take());
    return wire;
  },
});

let chosen: Promise<Wiring> | undefined;
/** No trial that goes well takes as long. */
const trialMs = 20_000;

/** rawWiring is that of the handles when they do as we think, which is tried once a process, and else that of the events. */
export function rawWiring(): Promise<Wiring> {
  chosen ??= chooseWiring(bindingOf, trialMs);
  return chosen;
}

/** chooseWiring tries handles out. @param binding may throw */
export async function chooseWiring(binding: () => StreamBinding, withinMs: number): Promise<Wiring> {
  try {
    const wiring = wiringBy(binding());
    return (await carries(wiring, withinMs)) ? wiring : eventWiring;
  } catch {
    return eventWiring;
  }
}
