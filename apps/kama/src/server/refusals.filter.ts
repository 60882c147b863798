import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException } from '@nestjs/common';
import type { Logger } from '@nm/adapters/telemetry';
import { Fault, isFault, toFault, toProblem } from '@nm/kernel/fault';
import type { FastifyReply } from 'fastify';

/** RefusalsFilter answers every error as problem+json with the members `error` and `reason` that KAMA clients read; never as a page of HTML. */
@Catch()
export class RefusalsFilter implements ExceptionFilter {
  constructor(private readonly log: Logger) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const fault = faultOf(error);
    if (fault.status >= 500) this.log.error({ err: error }, 'request failed');
    const body = { ...toProblem(fault), error: fault.code, reason: fault.publicMessage };
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    if (fault.retryAfterSeconds !== undefined) void reply.header('retry-after', String(fault.retryAfterSeconds));
    void reply.status(fault.status).header('content-type', 'application/json').send(JSON.stringify(body));
  }
}

/** faultOf names what frameworks throw by our codes. */
export function faultOf(error: unknown): Fault {
  if (isFault(error)) return error;
  const status = error instanceof HttpException ? error.getStatus() : (error as { statusCode?: number }).statusCode;
  if (status === 404) return new Fault('not_found', { public: 'There is no such route.', cause: error });
  if (status === 413) return new Fault('body_too_large', { cause: error });
  if (status !== undefined && status < 500) return new Fault('bad_request', { cause: error });
  return toFault(error);
}
