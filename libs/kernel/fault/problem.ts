import type { Fault } from './fault.js';

/** Problem is an RFC 9457 document. `error` and `reason` repeat title and detail because KAMA clients read those. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
  readonly error: string;
  readonly reason: string;
  readonly request_id?: string;
  readonly [member: string]: unknown;
}

export const problemContentType = 'application/problem+json; charset=utf-8';

/**
 * toProblem prints what a client may read of a fault.
 * @param requestId ties the answer to our log; left out where two answers must be byte-identical.
 */
export function toProblem(fault: Fault, requestId?: string): Problem {
  return {
    ...fault.extra,
    type: `urn:nmachine:error:${fault.code}`,
    title: fault.entry.title,
    status: fault.status,
    detail: fault.publicMessage,
    code: fault.code,
    error: fault.entry.title,
    reason: fault.publicMessage,
    ...(requestId === undefined ? {} : { request_id: requestId }),
  };
}
