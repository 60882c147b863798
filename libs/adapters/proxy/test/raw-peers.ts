import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export interface RawUpstream {
  readonly port: number;
  readonly origin: string;
  /** Everything that came on each connection, oldest first. */
  readonly received: Buffer[][];
  readonly sockets: Socket[];
  /** Text of connection `index`. */
  text(index?: number): string;
  close(): Promise<void>;
}

const tailBytes = 8192;

/**
 * startRawUpstream records bytes and answers by hand: nothing between the proxy and the test interprets them.
 * @param onData gets the end of what came on this connection so far
 */
export async function startRawUpstream(
  onData: (socket: Socket, soFar: string, chunk: Buffer) => void,
): Promise<RawUpstream> {
  const received: Buffer[][] = [];
  const sockets: Socket[] = [];
  const server: Server = createServer((socket) => {
    const chunks: Buffer[] = [];
    let tail = '';
    received.push(chunks);
    sockets.push(socket);
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      tail = (tail + chunk.subarray(-tailBytes).toString('latin1')).slice(-tailBytes);
      onData(socket, tail, chunk);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    origin: `http://127.0.0.1:${port}`,
    received,
    sockets,
    text: (index = 0) => Buffer.concat(received[index] ?? []).toString('latin1'),
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

export interface RawClient {
  readonly socket: Socket;
  text(): string;
  send(text: string): void;
  /** Resolves with all that came, when the other side has closed. */
  readonly closed: Promise<string>;
}

/** rawClient sends exactly the bytes that the test says. */
export function rawClient(port: number, first: string): RawClient {
  const socket = connect(port, '127.0.0.1');
  const chunks: Buffer[] = [];
  socket.on('error', () => undefined);
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  const text = (): string => Buffer.concat(chunks).toString('latin1');
  socket.write(first, 'latin1');
  return {
    socket,
    text,
    send: (more) => void socket.write(more, 'latin1'),
    closed: new Promise((resolve) => socket.once('close', () => resolve(text()))),
  };
}
