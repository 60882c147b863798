import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { ContextKeys } from '@nm/features/context';
import { gatewayModule } from './gateway.module.js';
import { ProblemFilter } from './problem.filter.js';

export interface OwnApp {
  readonly origin: string;
  close(): Promise<void>;
}

/** openOwnApp starts Nest and Fastify for the gateway's own routes on a loopback port of their own; the engine sends there whatever is not data plane. */
export async function openOwnApp(keys: ContextKeys): Promise<OwnApp> {
  const adapter = new FastifyAdapter({ forceCloseConnections: true });
  const app = await NestFactory.create<NestFastifyApplication>(gatewayModule(keys), adapter, { logger: false });
  app.useGlobalFilters(new ProblemFilter());
  await app.listen(0, '127.0.0.1');
  return { origin: (await app.getUrl()).replace(/\/$/, ''), close: () => app.close() };
}
