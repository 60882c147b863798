import { createServer, type RequestListener } from 'node:http';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { ContextKeys } from '@nm/features/context';
import { gatewayModule } from './gateway.module.js';
import { ProblemFilter } from './problem.filter.js';

export interface OwnApp {
  readonly listener: RequestListener;
  close(): Promise<void>;
}

/**
 * openOwnApp makes Nest and Fastify for the gateway's own routes without letting them listen: `serverFactory` is where Fastify hands out its
 * request listener, and our servers call it for whatever is not data plane.
 */
export async function openOwnApp(keys: ContextKeys): Promise<OwnApp> {
  let listener: RequestListener | undefined;
  const adapter = new FastifyAdapter({
    serverFactory: (handler: RequestListener) => {
      listener = handler;
      return createServer();
    },
  });
  const app = await NestFactory.create<NestFastifyApplication>(gatewayModule(keys), adapter, { logger: false });
  app.useGlobalFilters(new ProblemFilter());
  await app.init();
  await app.getHttpAdapter().getInstance().ready();
  if (!listener) throw new Error('Fastify made no server');
  return { listener, close: () => app.close() };
}
