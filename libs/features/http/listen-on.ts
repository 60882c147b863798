import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance } from 'fastify';

export interface Listening {
  readonly servers: readonly Server[];
  readonly port: number;
}

/**
 * listenOn starts an app on each host, all on one port; port 0 takes the one that the first host was given.
 * @throws the socket's error (EADDRINUSE, …) with nothing left listening
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
  try {
    let taken = port;
    for (const host of hosts) {
      const server = servers.length === 0 ? fastify.server : createServer(fastify.routing as RequestListener);
      servers.push(server);
      await new Promise<void>((resolve, reject) => server.once('error', reject).listen(taken, host, resolve));
      taken = (server.address() as AddressInfo).port;
    }
    return { servers, port: taken };
  } catch (error) {
    for (const server of servers) server.close();
    throw error;
  }
}
