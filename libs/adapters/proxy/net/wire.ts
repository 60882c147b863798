import { connect, type OnReadOpts, Socket, type SocketConstructorOpts } from 'node:net';

/** Large enough for what the kernel has at once of a fast body: an answer of 100 KB is mostly read, and written, in one. It serves all connections of the process. */
const sharedBytes = 128 * 1024;
const shared = Buffer.allocUnsafeSlow(sharedBytes);

/** Whoever has a connection's bytes now. */
export interface WireReader {
  /** What came lies between `from` and `to`. The memory is used again as soon as this returns: what is wanted later must be copied. */
  receive(bytes: Buffer, from: number, to: number): void;
}

const nobody: WireReader = { receive: () => undefined };

/** Wire is a socket whose bytes go straight to its reader, without a stream's queue between them. */
export class Wire {
  reader: WireReader = nobody;
  /** Set before the first byte. */
  socket!: Socket;
}

/** How bytes come out of the kernel; chosen when an engine starts. */
export interface Wiring {
  /** Of a connection that was accepted by a server with `pauseOnConnect`. */
  accept(socket: Socket): Wire;
  dial(host: string, port: number): Wire;
}

/** overEvents takes the bytes of a socket from its `data` events: each read costs a buffer of its own, and every socket can do it. */
export function overEvents(socket: Socket): Wire {
  const wire = new Wire();
  wire.socket = socket;
  socket.on('data', (bytes: Buffer) => wire.reader.receive(bytes, 0, bytes.length));
  return wire;
}

/** eventWiring needs nothing of Node but its documented streams. */
export const eventWiring: Wiring = {
  accept: (socket) => {
    const wire = overEvents(socket);
    socket.resume();
    return wire;
  },
  dial: (host, port) => overEvents(connect({ host, port, noDelay: true })),
};

const intoShared = (wire: Wire): OnReadOpts => ({
  buffer: shared,
  callback: (count) => {
    wire.reader.receive(shared, 0, count);
    return true;
  },
});

/** What Node has inside a socket and does not document. */
interface Inner {
  _handle: { readonly useUserBuffer?: unknown } | null;
  _server: unknown;
}

/**
 * sharedWiring reads everything into one buffer, which saves about a sixth of a small request's price. For sockets that we dial that is documented (`onread`). An accepted
 * socket comes without, so its handle is put into a new one, which Node does not document: a socket that looks otherwise inside is read by its events.
 */
export const sharedWiring: Wiring = {
  accept: (socket) => {
    const inner = socket as unknown as Inner;
    const handle = inner._handle;
    if (typeof handle?.useUserBuffer !== 'function') return eventWiring.accept(socket);
    const wire = new Wire();
    const options = { handle, allowHalfOpen: true, onread: intoShared(wire) } as SocketConstructorOpts;
    wire.socket = new Socket(options);
    // The server counts its connections by this, and waits for them when it closes.
    (wire.socket as unknown as Inner)._server = inner._server;
    inner._handle = null;
    inner._server = null;
    return wire;
  },
  dial: (host, port) => {
    const wire = new Wire();
    wire.socket = connect({ host, port, noDelay: true, onread: intoShared(wire) });
    return wire;
  },
};
