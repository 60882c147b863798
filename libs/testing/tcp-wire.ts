import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export interface TcpWire {
  /** The given URL, by way of this wire. */
  readonly url: string;
  /** Ends all connections and takes no new ones. */
  cut(): Promise<void>;
  /** After `cut`: takes connections again. */
  mend(): Promise<void>;
  /** Takes every byte and passes none, as a net that loses all packets: connections stand, and are lost for good. New ones are taken likewise. */
  swallow(): void;
  /** After `swallow`: new connections work. */
  release(): void;
  /** Holds every byte back, in order; `resume` lets them go on. */
  pause(): void;
  resume(): void;
  /** Bytes that `pause` holds back. */
  readonly heldBytes: number;
}

/** startWire stands between a test and a server by TCP, to be cut and to hang. */
export async function startWire(targetUrl: string): Promise<TcpWire> {
  const target = new URL(targetUrl);
  const sockets = new Set<Socket>();
  let swallowing = false;
  let paused = false;
  let held: { readonly to: Socket; readonly chunk: Buffer }[] = [];
  let lost = new WeakSet<Socket>();
  const pass = (from: Socket, to: Socket): void => {
    from.on('data', (chunk: Buffer) => {
      if (paused) held.push({ to, chunk });
      else if (!lost.has(from) && !to.write(chunk)) from.pause();
    });
    to.on('drain', () => from.resume());
    from.on('end', () => {
      if (!lost.has(from)) to.end();
    });
  };
  const keep = (socket: Socket, other: Socket | undefined): void => {
    sockets.add(socket);
    socket
      .on('error', () => undefined)
      .on('close', () => {
        sockets.delete(socket);
        other?.destroy();
      });
  };
  const server: Server = createServer((client) => {
    if (swallowing) {
      keep(client, undefined);
      client.resume();
      return;
    }
    const upstream = connect(Number(target.port), target.hostname);
    keep(client, upstream);
    keep(upstream, client);
    pass(client, upstream);
    pass(upstream, client);
  });
  const listen = (port: number) => new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  await listen(0);
  const { port } = server.address() as AddressInfo;
  const url = new URL(targetUrl);
  url.port = String(port);
  return {
    url: url.href,
    cut: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
    mend: () => listen(port),
    swallow: () => {
      swallowing = true;
      lost = new WeakSet(sockets);
    },
    release: () => {
      swallowing = false;
    },
    pause: () => {
      paused = true;
    },
    resume: () => {
      paused = false;
      for (const { to, chunk } of held) to.write(chunk);
      held = [];
    },
    get heldBytes() {
      return held.reduce((sum, { chunk }) => sum + chunk.length, 0);
    },
  };
}
