import type { Logger } from '@nm/adapters/telemetry';
import { type Fault, problemContentType, toProblem } from '@nm/kernel/fault';
import type { FastifyReply, FastifyRequest } from 'fastify';

/**
 * sendProblem answers with an RFC 9457 document and logs what is not the caller's doing.
 * A 404 names the request in its header only: a missing resource and a foreign one get the same bytes.
 */
export function sendProblem(request: FastifyRequest, reply: FastifyReply, fault: Fault, logger: Logger): void {
  if (fault.status >= 500)
    logger.error(
      { err: fault, requestId: request.id, code: fault.code, path: request.url.split('?')[0] },
      'request failed',
    );
  else logger.debug({ requestId: request.id, code: fault.code, detail: fault.message }, 'request refused');
  if (reply.raw.headersSent) {
    reply.raw.destroy();
    return;
  }
  const requestId = fault.status === 404 ? undefined : request.id;
  reply
    .code(fault.status)
    .headers({
      'content-type': problemContentType,
      'x-request-id': request.id,
      'cache-control': 'no-store',
      ...(fault.status === 401 ? { 'www-authenticate': 'Bearer' } : {}),
      ...(fault.retryAfterSeconds === undefined ? {} : { 'retry-after': String(fault.retryAfterSeconds) }),
    })
    .send(JSON.stringify(toProblem(fault, requestId)));
}
