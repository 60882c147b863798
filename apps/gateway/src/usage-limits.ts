import { type Account, LimitBook, outlastRequest, type Refusal, takeRequest, takeWake } from '@nm/features/limits';
import type { Ticket } from '@nm/features/routing';
import { type Code, Fault } from '@nm/kernel/fault';
import type { Clock } from '@nm/kernel/time';
import { type RequestContext, requireClient } from './request-context.js';

const codeOf: Record<Refusal['kind'], Code> = {
  requests: 'rate_limited',
  concurrency: 'concurrency_limited',
  connections: 'connections_limited',
  bytes: 'bytes_limited',
  wakes: 'wakes_limited',
};

/** UsageGate books requests and starts on the budgets of their licence, its app and its organisation. */
export class UsageGate {
  readonly #book: LimitBook;
  readonly #clock: Clock;
  readonly #onRefused: (refusal: Refusal) => void;

  constructor(book: LimitBook, clock: Clock, onRefused: (refusal: Refusal) => void) {
    this.#book = book;
    this.#clock = clock;
    this.#onRefused = onRefused;
  }

  /** enter books the request, once. @throws Fault rate_limited, concurrency_limited, connections_limited, bytes_limited, body_too_large */
  enter(context: RequestContext, ticket: Ticket, contentLength: string | undefined, atMs: number): void {
    requireClient(context);
    if (context.accounts) return;
    const accounts = this.#accountsOf(ticket);
    if (contentLength !== undefined) refuseLargeBody(ticket, Number(contentLength));
    if (accounts.length > 0) this.#refuse(takeRequest(accounts, atMs));
    context.accounts = accounts;
  }

  /** outlast is told of a request that has become a stream or a tunnel. */
  outlast(context: RequestContext): void {
    if (!context.accounts || context.outlasted) return;
    context.outlasted = true;
    outlastRequest(context.accounts);
  }

  /** bookStart books the start of a sleeping instance. @throws Fault wakes_limited */
  bookStart(ticket: Ticket): void {
    this.#refuse(takeWake(this.#accountsOf(ticket), this.#clock.monotonicMs()));
  }

  #accountsOf(ticket: Ticket): readonly Account[] {
    if (ticket.accounts) return ticket.accounts;
    const { licence, home } = ticket;
    const all = [
      this.#book.account('licence', licence.id, licence.limits),
      this.#book.account('app', home.id, home.limits),
      this.#book.account('org', home.orgId, home.orgLimits),
    ];
    ticket.accounts = all.filter((account) => account !== undefined);
    return ticket.accounts;
  }

  #refuse(refusal: Refusal | undefined): void {
    if (!refusal) return;
    this.#onRefused(refusal);
    const { kind, scope, retryAfterSeconds } = refusal;
    throw new Fault(codeOf[kind], { retryAfterSeconds, extra: { scope } });
  }
}

/** bodyBytesMaxOf is the lowest bound of a request's body: of the plan, the app or the organisation. */
export function bodyBytesMaxOf({ licence, home }: Ticket): number | undefined {
  const [own, app, org] = [licence.limits.bodyBytesMax, home.limits.bodyBytesMax, home.orgLimits.bodyBytesMax];
  if (own === undefined && app === undefined && org === undefined) return undefined;
  return Math.min(own ?? Infinity, app ?? Infinity, org ?? Infinity);
}

/** An announced body is refused before anything is booked or started; one that is not is counted by the engine. */
function refuseLargeBody(ticket: Ticket, bytes: number): void {
  const bodyBytesMax = bodyBytesMaxOf(ticket);
  if (bodyBytesMax !== undefined && bytes > bodyBytesMax)
    throw new Fault('body_too_large', { extra: { bodyBytesMax } });
}
