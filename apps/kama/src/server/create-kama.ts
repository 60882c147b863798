import { type DynamicModule, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyReply } from 'fastify';
import { kamaControllers } from '../routes/kama-controllers.js';
import { checkRequests } from './check-request.js';
import { KAMA_PARTS, type KamaParts } from './kama-parts.js';
import { readBody } from './read-body.js';
import { faultOf, RefusalsFilter } from './refusals.filter.js';
import { VisitPipe } from './visit.js';

const bodyBytesMax = 4 * 1024 * 1024;
/** Longer than any proxy's: the side that dials must be the one that closes, or it writes into a closed connection. */
const keepAliveMs = 75_000;

@Module({})
class KamaModule {}

const kamaModule = (parts: KamaParts): DynamicModule => ({
  module: KamaModule,
  controllers: [...kamaControllers],
  providers: [{ provide: KAMA_PARTS, useValue: parts }, VisitPipe],
});

const noSchemas = (): never => {
  throw new Error('a route of the KAMA has a schema of Fastify');
};

/** createKama makes the HTTP server of an app; the caller listens and closes. */
export async function createKama(parts: KamaParts): Promise<NestFastifyApplication> {
  const adapter = new FastifyAdapter({
    bodyLimit: bodyBytesMax,
    keepAliveTimeout: keepAliveMs,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 4_000 },
    // No route has a schema of Fastify's own; by default, both compilers are loaded and made at each start.
    schemaController: { compilersFactory: { buildValidator: noSchemas, buildSerializer: noSchemas } },
    frameworkErrors: (error: Error, _request: unknown, reply: FastifyReply) => {
      void reply
        .status(faultOf(error).status)
        .send({ error: faultOf(error).code, reason: faultOf(error).publicMessage });
    },
  });
  const server = adapter.getInstance();
  server.removeAllContentTypeParsers();
  // Old clients name no type, or a wrong one: the body counts.
  server.addContentTypeParser('*', { parseAs: 'string' }, (_request, text, done) => {
    try {
      done(null, readBody(text as string));
    } catch (error) {
      done(error as Error);
    }
  });
  checkRequests(server);
  const app = await NestFactory.create<NestFastifyApplication>(kamaModule(parts), adapter, {
    logger: false,
    bodyParser: false,
    abortOnError: false,
  });
  app.useGlobalFilters(new RefusalsFilter(parts.log));
  return app;
}
