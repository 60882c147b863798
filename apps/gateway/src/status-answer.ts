import type { Answer } from '@nm/adapters/proxy';
import type { Fault } from '@nm/kernel/fault';

/** Kubernetes' own reasons (metav1.StatusReason) by HTTP status; clients tell errors apart by them. */
const reasons: Readonly<Record<number, string>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  402: 'Forbidden',
  403: 'Forbidden',
  404: 'NotFound',
  405: 'MethodNotAllowed',
  408: 'Timeout',
  409: 'Conflict',
  413: 'RequestEntityTooLarge',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
  504: 'Timeout',
};

/** What a fault has beside its sentence and is of use to people. */
const told = ['renewalUrl', 'expiresAt', 'startsAt', 'state'];

/**
 * statusAnswer makes a fault into a Kubernetes `Status`, which kubectl and client libraries print as they print the cluster's own. The first cause has our
 * code as its reason. Nothing in the body differs between two requests that are refused alike.
 */
export function statusAnswer(fault: Fault, requestId: string): Answer {
  let fields = `Content-Type: application/json\r\nCache-Control: no-store\r\nX-Request-Id: ${requestId}\r\n`;
  if (fault.status === 401) fields += 'WWW-Authenticate: Bearer realm="nmachine"\r\n';
  if (fault.retryAfterSeconds !== undefined) fields += `Retry-After: ${fault.retryAfterSeconds}\r\n`;
  const facts = told.flatMap((name) => {
    const value = fault.extra[name];
    return typeof value === 'string' ? [{ reason: name, message: value }] : [];
  });
  const renewal = facts.find(({ reason }) => reason === 'renewalUrl');
  const status = {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: `NMachine: ${fault.publicMessage}${renewal ? ` See ${renewal.message}` : ''}`,
    reason: reasons[fault.status] ?? 'InternalError',
    details: {
      causes: [{ reason: fault.code, message: fault.entry.title }, ...facts],
      ...(fault.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: fault.retryAfterSeconds }),
    },
    code: fault.status,
  };
  return { status: fault.status, fields, body: Buffer.from(JSON.stringify(status)) };
}
