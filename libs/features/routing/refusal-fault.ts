import { type Code, Fault } from '@nm/kernel/fault';
import type { Decision } from '@nm/kernel/licensing';
import type { Ticket } from './ticket.js';

/** Refusals that a renewal, or another plan, would end. */
const renewable = new Set<Code>([
  'licence_expired',
  'trial_ended',
  'licence_read_only',
  'payment_required',
  'user_seats_exhausted',
]);
/** Refusals that pass by themselves, and after how many seconds asking again makes sense. */
const retryAfterSeconds: Partial<Record<Code, number>> = { access_paused: 30 };

/** refusalFault tells somebody who is turned away why, with the dates that the sentence speaks of, and where to renew. */
export function refusalFault(
  code: Code,
  decision: Decision | undefined,
  { licence, home }: Pick<Ticket, 'licence' | 'home'>,
): Fault {
  if (code === 'not_found') return new Fault(code);
  const { startsAtMs, expiresAtMs } = licence.facts;
  const { renewalUrl } = home;
  const retry = retryAfterSeconds[code];
  return new Fault(code, {
    ...(decision?.message === undefined ? {} : { public: decision.message }),
    ...(retry === undefined ? {} : { retryAfterSeconds: retry }),
    extra: {
      startsAt: new Date(startsAtMs).toISOString(),
      ...(expiresAtMs === undefined ? {} : { expiresAt: new Date(expiresAtMs).toISOString() }),
      ...(renewalUrl !== undefined && renewable.has(code) ? { renewalUrl } : {}),
    },
  });
}
