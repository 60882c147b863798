import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException } from '@nestjs/common';
import { Fault, problemContentType, toFault, toProblem } from '@nm/kernel/fault';
import type { FastifyReply } from 'fastify';

/** ProblemFilter answers like the data plane, for the gateway's few own routes. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  catch(error: unknown, host: ArgumentsHost): void {
    const fault = faultOf(error);
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    void reply
      .status(fault.status)
      .header('content-type', problemContentType)
      .send(JSON.stringify(toProblem(fault)));
  }
}

function faultOf(error: unknown): Fault {
  if (!(error instanceof HttpException)) return toFault(error);
  if (error.getStatus() === 404) return new Fault('not_found', { cause: error });
  return error.getStatus() < 500 ? new Fault('bad_request', { cause: error }) : toFault(error);
}
