import { type Account, LimitBook, type Refusal, takeRequest, takeWake } from '@nm/features/limits';
import type { Ticket } from '@nm/features/routing';
import { type Code, Fault } from '@nm/kernel/fault';
import type { Clock } from '@nm/kernel/time';
import type { RequestContext } from './request-context.js';

const codeOf: Record<Refusal['kind'], Code> = {
  requests: 'rate_limited',
  concurrency: 'concurrency_limited',
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

  /** enter books the request, once. @throws Fault rate_limited, concurrency_limited, bytes_limited, body_too_large */
  enter(context: RequestContext, ticket: Ticket, contentLength: string | undefined): void {
    if (context.accounts) return;
    const accounts = this.#accountsOf(ticket);
    if (contentLength !== undefined) refuseLargeBody(ticket, Number(contentLength));
    if (accounts.length > 0) this.#refuse(takeRequest(accounts, this.#clock.monotonicMs()));
    context.accounts = accounts;
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

function refuseLargeBody({ licence, home }: Ticket, bytes: number): void {
  for (const { bodyBytesMax } of [licence.limits, home.limits, home.orgLimits])
    if (bodyBytesMax !== undefined && bytes > bodyBytesMax)
      throw new Fault('body_too_large', { extra: { bodyBytesMax } });
}
