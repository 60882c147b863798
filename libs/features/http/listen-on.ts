import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Fault } from '@nm/kernel/fault';
import type { FastifyInstance } from 'fastify';

export interface Listening {
  readonly servers: readonly Server[];
  readonly port: number;
  /** Answers that are not complete yet. */
  readonly pending: ReadonlySet<ServerResponse>;
}

/**
 * listenOn starts an app on each host, all on one port; port 0 takes the one that the first host was given.
 * @throws Fault config_invalid when an address is taken or not ours, with nothing left listening
 */
export async function listenOn(
  app: NestFastifyApplication,
  hosts: readonly string[],
  port: number,
): Promise<Listening> {
  await app.init();
  const fastify: FastifyInstance = app.getHttpAdapter().getInstance();
  await fastify.ready();
  const servers: Server[] = [];
  const pending = new Set<ServerResponse>();
  try {
    let taken = port;
    for (const host of hosts) {
      const server = servers.length === 0 ? fastify.server : createServer(fastify.routing as RequestListener);
      servers.push(server);
      server.prependListener('request', (_request, response: ServerResponse) => {
        pending.add(response);
        response.once('close', () => pending.delete(response));
      });
      await new Promise<void>((resolve, reject) => server.once('error', reject).listen(taken, host, resolve));
      taken = (server.address() as AddressInfo).port;
    }
    return { servers, port: taken, pending };
  } catch (cause) {
    for (const server of servers) server.close();
    throw new Fault('config_invalid', {
      public: `Port ${port} of ${hosts[servers.length - 1]} cannot be had: ${(cause as Error).message}. Stop the program that holds it, or choose another.`,
      cause,
    });
  }
}
