import type { AddressInfo, Server } from 'node:net';
import { Fault } from '@nm/kernel/fault';

/**
 * listenOn makes a server listen.
 * @param sharePort other processes may listen on the same port
 * @param variables what to set when it is taken
 * @returns the port
 * @throws Fault config_invalid
 */
export async function listenOn(
  server: Server,
  host: string,
  port: number,
  sharePort = false,
  variables = 'NM_GATEWAY_PORT or NM_GATEWAY_HOST',
): Promise<number> {
  try {
    await new Promise<void>((resolve, reject) =>
      server.once('error', reject).listen({ port, host, reusePort: sharePort }, resolve),
    );
  } catch (cause) {
    throw listenFault(host, port, variables, cause as NodeJS.ErrnoException);
  }
  return (server.address() as AddressInfo).port;
}

function listenFault(host: string, port: number, variables: string, cause: NodeJS.ErrnoException): Fault {
  const reason = cause.code === 'EADDRINUSE' ? 'is taken by another program' : `cannot be used (${cause.code})`;
  return new Fault('config_invalid', {
    public: `The address ${host}:${port} ${reason}. Set ${variables} to one that is free.`,
    cause,
  });
}
