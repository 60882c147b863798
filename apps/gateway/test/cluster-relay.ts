import type { AddressInfo } from 'node:net';
import { connect, createServer, type Socket } from 'node:net';

export interface ClusterRelay {
  /** Base URL that leads to the same API server, over the same TLS. */
  readonly server: string;
  /** TCP connections that were ever opened through it. */
  readonly opened: () => number;
  /** Those that are open now. */
  readonly open: () => number;
  close(): Promise<void>;
}

/** startClusterRelay stands on the wire before a real API server, sees nothing of what is said, and counts connections. */
export async function startClusterRelay(apiServer: URL): Promise<ClusterRelay> {
  const sockets = new Set<Socket>();
  let opened = 0;
  const server = createServer({ allowHalfOpen: true }, (near) => {
    opened++;
    sockets.add(near);
    const far = connect({ host: apiServer.hostname, port: Number(apiServer.port), allowHalfOpen: true });
    near
      .on('error', () => far.destroy())
      .once('close', () => {
        sockets.delete(near);
        far.destroy();
      });
    far.on('error', () => near.destroy()).once('close', () => near.destroy());
    near.pipe(far).pipe(near);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    server: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    opened: () => opened,
    open: () => sockets.size,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
