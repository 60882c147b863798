import type { FieldLines } from '@nm/adapters/proxy';
import { limitField } from '@nm/features/limits';
import { licenceStateText, type Ticket, type Visitor } from '@nm/features/routing';
import type { Clock } from '@nm/kernel/time';
import { corsFields } from './cors.js';
import type { RequestContext } from './request-context.js';

/** answerFields is what every answer for an app carries, refusals too: which request it was, how the licence stands, and what is left of its rate. */
export function answerFields(context: RequestContext, clock: Clock, atMs = clock.monotonicMs()): FieldLines {
  const { requestId, visitor, wakeMs } = context;
  let fields = `X-Request-Id: ${requestId}\r\n${standingFields(visitor, clock)}`;
  if (wakeMs !== undefined) fields += `Nm-Wake-Ms: ${wakeMs}\r\n`;
  if (visitor?.app) fields += rateFields(visitor.ticket, atMs) + corsFields(visitor.app, context.origin);
  return context.timing ? fields + timingField(context, atMs) : fields;
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

/** Only the licence's own budget is told: how busy others are is theirs to know. */
function rateFields(ticket: Ticket | undefined, atMs: number): FieldLines {
  const account = ticket?.accounts?.[0];
  if (account?.scope !== 'licence' || !account.requests) return '';
  const left = account.requests.left(atMs);
  return `RateLimit-Policy: ${account.policy}\r\nRateLimit: ${limitField(account.scope, left, account.requests.spec)}\r\n`;
}

/** timingField tells milliseconds by phase (W3C Server Timing): the decision, the start of a sleeping app, and the app until its answer began. */
function timingField({ startedMs, plannedMs, answeredMs, wakeMs = 0 }: RequestContext, atMs: number): FieldLines {
  const planned = plannedMs ?? atMs;
  const decide = Math.max(0, planned - startedMs - wakeMs).toFixed(2);
  const wake = wakeMs > 0 ? `, nm-wake;dur=${wakeMs}` : '';
  const app = answeredMs === undefined ? '' : `, nm-app;dur=${(answeredMs - planned).toFixed(2)}`;
  return `Server-Timing: nm-decide;dur=${decide}${wake}${app}\r\n`;
}
