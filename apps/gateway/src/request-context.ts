import type { RequestHead } from '@nm/adapters/proxy';
import { newId, randomKeyBytes } from '@nm/kernel/ids';
import type { Clock } from '@nm/kernel/time';

/** What is known of one request; filled in on its way, printed in the access log. */
export interface RequestContext {
  readonly requestId: string;
  readonly route: 'kama' | 'cluster' | 'own';
  readonly method: string;
  readonly target: string;
  readonly startedMs: number;
  licenceId?: string;
  app?: string;
  installId?: string;
  clusterId?: string;
  wakeMs?: number;
}

const routeOf = (target: string): RequestContext['route'] => {
  if (target.startsWith('/kama/')) return 'kama';
  return target.startsWith('/clusters/') ? 'cluster' : 'own';
};

export function openContext(clock: Clock, head: RequestHead): RequestContext {
  const { method, target } = head;
  return {
    requestId: newId('request', clock.nowMs()),
    route: routeOf(target),
    method,
    target,
    startedMs: clock.monotonicMs(),
  };
}

/** Version 00 of W3C Trace Context; ids of zeros only are not valid. */
const traceparent = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** traceparentOf keeps the caller's trace, or starts one. */
export function traceparentOf(head: RequestHead): { value: string; kept: boolean } {
  const given = head.header('traceparent');
  if (given !== undefined && traceparent.test(given)) return { value: given, kept: true };
  const hex = randomKeyBytes(24).toString('hex');
  return { value: `00-${hex.slice(0, 32)}-${hex.slice(32)}-01`, kept: false };
}
