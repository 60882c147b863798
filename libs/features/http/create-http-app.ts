import { type DynamicModule, StandardSchemaSerializerInterceptor, type Type } from '@nestjs/common';
import { NestFactory, Reflector } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Logger } from '@nm/adapters/telemetry';
import { type HttpAdapterOptions, httpAdapter } from './http-adapter.js';
import { nestLogger } from './nest-logger.js';
import { ProblemFilter } from './problem.filter.js';
import { RouteTable } from './route-table.js';
import { SchemaPipe } from './schema.pipe.js';

/** createHttpApp makes a Nest app on our edge: schemas in and out, problems for every error. It does not listen yet. */
export async function createHttpApp(
  module: Type | DynamicModule,
  options: { readonly logger: Logger } & Pick<HttpAdapterOptions, 'bodyLimitBytes' | 'rawBodies'>,
): Promise<NestFastifyApplication> {
  const routes = new RouteTable();
  const app = await NestFactory.create<NestFastifyApplication>(module, httpAdapter({ ...options, routes }), {
    logger: nestLogger(options.logger),
    bodyParser: false,
    abortOnError: false,
  });
  app.useGlobalFilters(new ProblemFilter(options.logger, routes));
  app.useGlobalPipes(new SchemaPipe());
  app.useGlobalInterceptors(new StandardSchemaSerializerInterceptor(app.get(Reflector)));
  return app;
}
