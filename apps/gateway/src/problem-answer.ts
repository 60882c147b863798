import type { Answer } from '@nm/adapters/proxy';
import { type Fault, problemContentType, toProblem } from '@nm/kernel/fault';

/**
 * problemAnswer makes a fault into problem+json. The body of a 404 carries no request id: missing and forbidden must be byte-identical.
 * @param more fields of this request, its id among them
 */
export function problemAnswer(fault: Fault, requestId: string, more = `X-Request-Id: ${requestId}\r\n`): Answer {
  let fields = `Content-Type: ${problemContentType}\r\nCache-Control: no-store\r\n${more}`;
  if (fault.status === 401) fields += 'WWW-Authenticate: Bearer realm="nmachine"\r\n';
  if (fault.retryAfterSeconds !== undefined) fields += `Retry-After: ${fault.retryAfterSeconds}\r\n`;
  const problem = toProblem(fault, fault.code === 'not_found' ? undefined : requestId);
  return { status: fault.status, fields, body: Buffer.from(JSON.stringify(problem)) };
}
