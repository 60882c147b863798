import { createServer } from 'node:net';
import { Fault } from '@nm/kernel/fault';

/** freePort asks the kernel for a port that nobody listens on now. Somebody may take it before the KAMA does: then that start fails, and the next has another. */
export function freePort(host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (cause) =>
      reject(new Fault('runtime_unavailable', { public: `No port is free on ${host}.`, cause })),
    );
    server.listen(0, host, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}
