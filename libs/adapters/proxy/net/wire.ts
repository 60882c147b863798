import { connect, type Socket } from 'node:net';

/** Whoever has a connection's bytes now. */
export interface WireReader {
  /** What came lies between `from` and `to`. The memory is used again as soon as this returns: what is wanted later must be copied. */
  receive(bytes: Buffer, from: number, to: number): void;
}

/** Where bytes go. */
export interface Outlet {
  /** @returns false when nothing more should come before `drain` */
  write(bytes: Buffer): boolean;
  /** Bytes that the kernel has not taken yet, which are read where they lie. */
  readonly writableLength: number;
}

const nobody: WireReader = { receive: () => undefined };

/** Wire is a socket whose bytes go straight to its reader, without a stream's queue between them. What is written goes through the wire, never through the socket itself: one may hold back what the other sends. */
export class Wire implements Outlet {
  reader: WireReader = nobody;
  /** Set before the first byte. */
  socket!: Socket;

  write(bytes: Buffer): boolean {
    return this.socket.write(bytes);
  }

  get writableLength(): number {
    return this.socket.writableLength;
  }

  /** A write said so, and there was no `drain` since. */
  get needsDrain(): boolean {
    return this.socket.writableNeedDrain;
  }
}

/** How bytes come out of the kernel, and into it; chosen when an engine starts. */
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
