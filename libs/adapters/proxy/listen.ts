import type { AddressInfo, Server } from 'node:net';
import { Fault } from '@nm/kernel/fault';

/** listenOn makes a server listen. @param sharePort other processes may listen on the same port @returns the port @throws Fault config_invalid */
export async function listenOn(server: Server, host: string, port: number, sharePort = false): Promise<number> {
  try {
    await new Promise<void>((resolve, reject) =>
      server.once('error', reject).listen({ port, host, reusePort: sharePort }, resolve),
    );
  } catch (cause) {
    throw listenFault(host, port, cause as NodeJS.ErrnoException);
  }
  return (server.address() as AddressInfo).port;
}

function listenFault(host: string, port: number, cause: NodeJS.ErrnoException): Fault {
  const reason = cause.code === 'EADDRINUSE' ? 'is taken by another program' : `cannot be used (${cause.code})`;
  return new Fault('config_invalid', {
    public: `The address ${host}:${port} ${reason}. Set NM_GATEWAY_PORT or NM_GATEWAY_HOST to one that is free.`,
    cause,
  });
}
