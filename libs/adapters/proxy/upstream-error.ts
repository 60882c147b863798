import { Fault, isFault } from '@nm/kernel/fault';

/** Nothing was sent: the connection was refused, or its address leads nowhere. Only these may be tried again. */
const dialCodes = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'EADDRNOTAVAIL']);
const timeoutCodes = new Set([
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'ETIMEDOUT',
]);

const codeOf = (error: unknown): string => {
  const { code, errors } = error as { code?: unknown; errors?: unknown };
  if (typeof code === 'string') return code;
  // Happy eyeballs wraps one error per address.
  return Array.isArray(errors) && errors.length > 0 ? codeOf(errors[0]) : '';
};

/** isDialError tells a failure to connect from one in the middle of an exchange; only the first may be repeated. */
export const isDialError = (error: unknown): boolean => dialCodes.has(codeOf(error));

/** upstreamFault maps what went wrong upstream: refused → 503, timed out → 504, anything else → 502. A connector's own fault says more and stays. */
export function upstreamFault(error: unknown): Fault {
  if (isFault(error)) return error;
  const details = { cause: error, internal: `${codeOf(error)} ${(error as Error).message}` };
  if (isDialError(error)) return new Fault('upstream_unreachable', { ...details, retryAfterSeconds: 2 });
  if (codeOf(error) === 'UND_ERR_INVALID_ARG') return new Fault('bad_request', details);
  if (timeoutCodes.has(codeOf(error))) return new Fault('upstream_timeout', details);
  return new Fault('upstream_reset', details);
}

/** leftEarly is the reason of a wait that ends because nobody waits any more; no client ever gets it. */
export const leftEarly = (): Fault => new Fault('upstream_reset', { internal: 'the client left while it waited' });
