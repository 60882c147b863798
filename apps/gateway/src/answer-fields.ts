import type { FieldLines } from '@nm/adapters/proxy';
import { limitField, type RateAccount } from '@nm/features/limits';
import { licenceStateText, type Ticket, type Visitor } from '@nm/features/routing';
import type { Clock } from '@nm/kernel/time';
import { corsFields } from './cors.js';
import type { RequestContext } from './request-context.js';

/** answerFields is what every answer for an app carries, refusals too: which request it was, how the licence stands, and what is left of its rate. */
export function answerFields(context: RequestContext, clock: Clock, atMs = clock.monotonicMs()): FieldLines {
  const { requestId, visitor, wakeMs, origin } = context;
  let fields = `${sharedAnswerFields(visitor, origin, clock)}X-Request-Id: ${requestId}\r\n`;
  if (wakeMs !== undefined) fields += `Nm-Wake-Ms: ${wakeMs}\r\n`;
  const account = rateAccountOf(visitor?.ticket);
  if (account)
    fields += `RateLimit: ${limitField(account.scope, account.requests.left(atMs), account.requests.spec)}\r\n`;
  return context.timing ? fields + timingField(context, atMs) : fields;
}

/** sharedAnswerFields are those of them that the answers to all requests have that are alike. */
export function sharedAnswerFields(visitor: Visitor | undefined, origin: string | undefined, clock: Clock): FieldLines {
  const account = rateAccountOf(visitor?.ticket);
  const policy = account ? `RateLimit-Policy: ${account.policy}\r\n` : '';
  return standingFields(visitor, clock) + policy + (visitor?.app ? corsFields(visitor.app, origin) : '');
}

/** Where the licence stands follows from the ticket and the decision, so it is put together once for each. */
function standingFields(visitor: Visitor | undefined, clock: Clock): FieldLines {
  const { licence, ticket, decision } = visitor ?? {};
  if (!licence) return '';
  if (ticket && decision && ticket.standing?.code === decision.code) return ticket.standing.text;
  const expires = licence.expiresText === undefined ? '' : `Nm-Licence-Expires: ${licence.expiresText}\r\n`;
  const text = `Nm-Licence-State: ${licenceStateText(licence, decision, clock)}\r\n${expires}`;
  // What a rule decided says nothing of the licence, which goes on by itself.
  if (ticket && decision?.ruleId.startsWith(builtinPrefix)) ticket.standing = { code: decision.code, text };
  return text;
}

const builtinPrefix = 'builtin:';

/** rateAccountOf is the budget that answers tell of: the licence's own only, because how busy others are is theirs to know. */
export function rateAccountOf(ticket: Ticket | undefined): RateAccount | undefined {
  const account = ticket?.accounts?.[0];
  return account?.scope === 'licence' && account.requests ? (account as RateAccount) : undefined;
}

/** timingField tells milliseconds by phase (W3C Server Timing): the decision, the start of a sleeping app, and the app until its answer began. */
function timingField({ startedMs, plannedMs, answeredMs, wakeMs = 0 }: RequestContext, atMs: number): FieldLines {
  const planned = plannedMs ?? atMs;
  const decide = Math.max(0, planned - startedMs - wakeMs).toFixed(2);
  const wake = wakeMs > 0 ? `, nm-wake;dur=${wakeMs}` : '';
  const app = answeredMs === undefined ? '' : `, nm-app;dur=${(answeredMs - planned).toFixed(2)}`;
  return `Server-Timing: nm-decide;dur=${decide}${wake}${app}\r\n`;
}
