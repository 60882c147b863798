import type { FieldLines } from '@nm/adapters/proxy';
import { limitField } from '@nm/features/limits';
import { licenceStateText } from '@nm/features/routing';
import type { Clock } from '@nm/kernel/time';
import { corsFields } from './cors.js';
import type { RequestContext } from './request-context.js';

/** commonFields is what every answer for an app carries, refusals too: which request it was, how the licence stands, and what is left of its rate. */
export function answerFields(context: RequestContext, clock: Clock): FieldLines {
  const { requestId, visitor, wakeMs } = context;
  let fields = `X-Request-Id: ${requestId}\r\n`;
  if (visitor?.licence) {
    fields += `Nm-Licence-State: ${licenceStateText(visitor.licence, visitor.decision, clock.nowMs())}\r\n`;
    if (visitor.licence.expiresText !== undefined) fields += `Nm-Licence-Expires: ${visitor.licence.expiresText}\r\n`;
  }
  if (wakeMs !== undefined) fields += `Nm-Wake-Ms: ${wakeMs}\r\n`;
  if (visitor?.app) fields += rateFields(context, clock) + corsFields(visitor.app, context.origin);
  return context.timing ? fields + timingField(context, clock) : fields;
}

/** Only the licence's own budget is told: how busy others are is theirs to know. */
function rateFields({ visitor }: RequestContext, clock: Clock): FieldLines {
  const account = visitor?.ticket?.accounts?.find(({ scope }) => scope === 'licence');
  if (!account?.requests) return '';
  const left = account.requests.left(clock.monotonicMs());
  return `RateLimit-Policy: ${account.policy}\r\nRateLimit: ${limitField(account.scope, left, account.requests.spec)}\r\n`;
}

/** timingField tells milliseconds by phase (W3C Server Timing): the decision, the start of a sleeping app, and the app until its answer began. */
function timingField({ startedMs, plannedMs, answeredMs, wakeMs = 0 }: RequestContext, clock: Clock): FieldLines {
  const planned = plannedMs ?? clock.monotonicMs();
  const decide = Math.max(0, planned - startedMs - wakeMs).toFixed(2);
  const wake = wakeMs > 0 ? `, nm-wake;dur=${wakeMs}` : '';
  const app = answeredMs === undefined ? '' : `, nm-app;dur=${(answeredMs - planned).toFixed(2)}`;
  return `Server-Timing: nm-decide;dur=${decide}${wake}${app}\r\n`;
}
