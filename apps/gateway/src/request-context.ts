import type { IncomingMessage } from 'node:http';
import { newId, randomKeyBytes } from '@nm/kernel/ids';
import type { Clock } from '@nm/kernel/time';

/** What is known of one request; filled in on its way, printed in the access log. */
export interface RequestContext {
  readonly requestId: string;
  readonly route: 'kama' | 'cluster' | 'other';
  readonly startedMs: number;
  licenceId?: string;
  app?: string;
  installId?: string;
  clusterId?: string;
  wakeMs?: number;
}

export const openContext = (clock: Clock, route: RequestContext['route']): RequestContext => ({
  requestId: newId('request', clock.nowMs()),
  route,
  startedMs: clock.monotonicMs(),
});

/** Version 00 of W3C Trace Context; ids of zeros only are not valid. */
const traceparent = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** traceparentOf keeps the caller's trace, or starts one. */
export function traceparentOf(request: IncomingMessage): { value: string; kept: boolean } {
  const given = request.headers['traceparent'];
  if (typeof given === 'string' && traceparent.test(given)) return { value: given, kept: true };
  const hex = randomKeyBytes(24).toString('hex');
  return { value: `00-${hex.slice(0, 32)}-${hex.slice(32)}-01`, kept: false };
}
