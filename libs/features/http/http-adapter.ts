import type { Server } from 'node:http';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { Logger } from '@nm/adapters/telemetry';
import { Fault, problemContentType, toProblem } from '@nm/kernel/fault';
import type { FastifyHttpOptions, FastifyInstance } from 'fastify';
import { faultOf } from './fault-of.js';
import { requestIdOf, traceIdOf } from './request-id.js';
import type { RouteTable } from './route-table.js';
import { sendProblem } from './send-problem.js';

export interface HttpAdapterOptions {
  readonly logger: Logger;
  readonly routes: RouteTable;
  /** Bytes of a body at most. */
  readonly bodyLimitBytes?: number;
  /** Media types that routes get as bytes, and how many at most. */
  readonly rawBodies?: readonly { readonly type: string; readonly bytesMax: number }[];
}

/** Enough for every JSON body that we take; routes that take more say so themselves. */
const defaultBodyLimitBytes = 1_048_576;
/** Longer than any id, slug or name that we hand out. */
const pathParamLengthMax = 200;

/** httpAdapter makes the Fastify edge of an app: JSON unless said otherwise, bounded bodies, request ids, one access-log line per request. */
export function httpAdapter({
  logger,
  routes,
  bodyLimitBytes = defaultBodyLimitBytes,
  rawBodies = [],
}: HttpAdapterOptions): FastifyAdapter {
  const server: FastifyHttpOptions<Server> = {
    bodyLimit: bodyLimitBytes,
    routerOptions: { maxParamLength: pathParamLengthMax },
    requestIdHeader: false,
    genReqId: (raw) => requestIdOf(raw.headers['x-request-id']),
    frameworkErrors: (error, request, reply) => sendProblem(request, reply, faultOf(error), logger),
    clientErrorHandler: (error, socket) => {
      logger.debug({ err: error }, 'unreadable request');
      if (socket.writable) socket.end(unreadable);
    },
    return503OnClosing: false,
  };
  const adapter = new FastifyAdapter(server);
  const fastify = adapter.getInstance<FastifyInstance>();
  takeJsonOnly(fastify);
  for (const { type, bytesMax } of rawBodies) takeRaw(fastify, type, bytesMax);
  fastify.addHook('onRoute', (route) => routes.add(route));
  fastify.addHook('onRequest', (request, reply, done) => {
    void reply.header('x-request-id', request.id);
    void reply.header('x-content-type-options', 'nosniff');
    done();
  });
  fastify.addHook('onResponse', (request, reply, done) => {
    logger.info(
      {
        requestId: request.id,
        traceId: traceIdOf(request.headers.traceparent),
        method: request.method,
        route: request.routeOptions.url ?? 'unknown',
        status: reply.statusCode,
        elapsedMs: Math.round(reply.elapsedTime),
      },
      'request',
    );
    done();
  });
  return adapter;
}

/** A POST without a body may still say that it is JSON, as many clients do; a body that is not JSON is refused. */
function takeJsonOnly(fastify: FastifyInstance): void {
  const parse = fastify.getDefaultJsonParser('error', 'error');
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body.length === 0) return done(null, undefined);
    void parse(request, body as string, (error, value) =>
      error ? done(new Fault('malformed_json', { internal: error.message, cause: error })) : done(null, value),
    );
  });
}

function takeRaw(fastify: FastifyInstance, type: string, bytesMax: number): void {
  fastify.addContentTypeParser(type, { parseAs: 'buffer', bodyLimit: bytesMax }, (_request, body, done) =>
    done(null, body),
  );
}

const unreadableBody = JSON.stringify(toProblem(new Fault('bad_request')));
/** The answer to bytes that are no HTTP request: there is no reply object yet. */
const unreadable =
  `HTTP/1.1 400 Bad Request\r\ncontent-type: ${problemContentType}\r\n` +
  `content-length: ${Buffer.byteLength(unreadableBody)}\r\nconnection: close\r\n\r\n${unreadableBody}`;
