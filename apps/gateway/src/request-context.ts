import type { FieldLines, RequestHead } from '@nm/adapters/proxy';
import type { OpenCall } from '@nm/features/cluster-access';
import type { Account } from '@nm/features/limits';
import type { Visitor } from '@nm/features/routing';
import { Fault } from '@nm/kernel/fault';
import { newId } from '@nm/kernel/ids';
import type { Clock } from '@nm/kernel/time';
import type { OpenJob } from './job-book.js';
import type { Trace } from './trace.js';

export type Route = 'kama' | 'ktea' | 'cluster' | 'own';

/** What is known of one request; filled in on its way, and told in the answer, the log and the record of decisions. */
export interface RequestContext {
  readonly requestId: string;
  readonly route: Route;
  readonly method: string;
  readonly target: string;
  /** When it came: the time of day, and of the clock that never jumps. */
  readonly nowMs: number;
  readonly startedMs: number;
  /** The caller asked for `Server-Timing`. */
  readonly timing: boolean;
  /** Origin of the web page that asks, if any. */
  readonly origin: string | undefined;
  trace?: Trace;
  visitor?: Visitor;
  licenceId?: string;
  app?: string;
  installId?: string;
  clusterId?: string;
  wakeMs?: number;
  /** When it was let in and its way known. */
  plannedMs?: number;
  /** When the answer began. */
  answeredMs?: number;
  /** Budgets that it is booked on. */
  accounts?: readonly Account[];
  /** It has become a stream or a tunnel. */
  outlasted?: boolean;
  /** It has ended, perhaps before it was planned: nothing may be booked or woken for it any more. */
  over?: true;
  /** A call to a cluster that changes something, being recorded. */
  call?: OpenCall;
  /** Its answer may name a job of the KAMA. */
  job?: OpenJob;
  /** Said instead of an answer of the app, without being a refusal: a preflight. */
  instead?: FieldLines;
}

function routeOf(target: string): Route {
  if (target.startsWith('/kama/')) return 'kama';
  if (target.startsWith('/ktea/')) return 'ktea';
  return target.startsWith('/clusters/') ? 'cluster' : 'own';
}

export function openContext(clock: Clock, head: RequestHead): RequestContext {
  const { method, target } = head;
  const nowMs = clock.nowMs();
  return {
    requestId: newId('request', nowMs),
    route: routeOf(target),
    method,
    target,
    nowMs,
    startedMs: clock.monotonicMs(),
    timing: head.header('nm-server-timing') === '1',
    origin: head.header('origin'),
  };
}

/** requireClient @throws Fault when the client left while something was looked up for it; nobody hears of it */
export function requireClient({ over }: RequestContext): void {
  if (over) throw new Fault('upstream_reset', { internal: 'the client left while it waited' });
}
