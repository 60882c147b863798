import { type ArgumentsHost, Catch, type ExceptionFilter } from '@nestjs/common';
import type { Logger } from '@nm/adapters/telemetry';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { faultOf } from './fault-of.js';
import type { RouteTable } from './route-table.js';
import { sendProblem } from './send-problem.js';

/** ProblemFilter is where every error of an app ends: faults, Nest's exceptions, Fastify's errors, unknown routes and methods. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  readonly #logger: Logger;
  readonly #routes: RouteTable;

  constructor(logger: Logger, routes: RouteTable) {
    this.#logger = logger;
    this.#routes = routes;
  }

  catch(error: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<FastifyRequest>();
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    const fault = request.is404 ? this.#routes.faultOfUnrouted(request, reply) : faultOf(error);
    sendProblem(request, reply, fault, this.#logger);
  }
}
