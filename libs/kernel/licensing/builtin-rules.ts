import type { Decision } from './decision.js';
import type { LicenceFacts } from './facts.js';
import type { AccessRule } from './rules.js';
import type { Timeline } from './timeline.js';

type Verdict = Pick<Decision, 'effect' | 'code'>;

/** A rule that every app has. `when` is exact: a test holds it equal to what is decided. */
export type BuiltinRule = Pick<AccessRule, 'id' | 'name' | 'when'> & Verdict;

const rule = <const R extends BuiltinRule>(r: R): R => r;

const revoked = rule({
  id: 'builtin:licence-revoked',
  name: 'Deny anybody whose licence was revoked',
  effect: 'deny',
  when: 'licence.state == "revoked"',
  code: 'licence_revoked',
});
const suspended = rule({
  id: 'builtin:licence-suspended',
  name: 'Deny anybody whose licence is suspended',
  effect: 'deny',
  when: 'licence.state == "suspended"',
  code: 'licence_suspended',
});
const notStarted = rule({
  id: 'builtin:licence-not-started',
  name: 'Deny anybody whose licence has not started',
  effect: 'deny',
  when: 'now < licence.starts_at',
  code: 'licence_not_started',
});
const trialEnded = rule({
  id: 'builtin:trial-ended',
  name: 'Deny anybody whose trial has ended',
  effect: 'deny',
  when: 'licence.trial && now >= licence.ends_at',
  code: 'trial_ended',
});
const expired = rule({
  id: 'builtin:licence-expired',
  name: 'Deny anybody whose licence has expired',
  effect: 'deny',
  when: 'now >= licence.ends_at',
  code: 'licence_expired',
});
const graceReadOnly = rule({
  id: 'builtin:licence-grace',
  name: 'Reading only in the second part of the grace period',
  effect: 'read-only',
  when: 'now >= licence.full_until',
  code: 'licence_grace',
});
const graceFull = rule({
  id: 'builtin:licence-grace-full',
  name: 'Everything in the first part of the grace period',
  effect: 'allow',
  when: 'now >= licence.expires_at',
  code: 'licence_grace_full',
});
const active = rule({
  id: 'builtin:licence-active',
  name: 'Allow everybody else',
  effect: 'allow',
  when: 'true',
  code: 'licence_active',
});

/** Before the publisher's rules: nothing can override them. */
export const rulesBefore: readonly BuiltinRule[] = [revoked, suspended];
/** After the publisher's rules: what holds when none of those matches. */
export const rulesAfter: readonly BuiltinRule[] = [notStarted, trialEnded, expired, graceReadOnly, graceFull, active];

/** Which built-in rule decides, and until when. */
export interface BuiltinMatch {
  readonly rule: BuiltinRule;
  readonly untilMs: number;
}

/** matchBefore finds the rule that ends everything before the publisher is asked. */
export function matchBefore(state: LicenceFacts['state']): BuiltinMatch | undefined {
  if (state === 'active') return undefined;
  return { rule: state === 'revoked' ? revoked : suspended, untilMs: Infinity };
}

/** matchAfter finds the default that holds at a time. Starts are inclusive, ends exclusive. */
export function matchAfter(timeline: Timeline, trial: boolean, nowMs: number): BuiltinMatch {
  const { startsAtMs, expiresAtMs, fullUntilMs, endsAtMs } = timeline;
  if (nowMs < startsAtMs) return { rule: notStarted, untilMs: startsAtMs };
  if (nowMs >= endsAtMs) return { rule: trial ? trialEnded : expired, untilMs: Infinity };
  if (nowMs >= fullUntilMs) return { rule: graceReadOnly, untilMs: endsAtMs };
  if (nowMs >= expiresAtMs) return { rule: graceFull, untilMs: fullUntilMs };
  return { rule: active, untilMs: expiresAtMs };
}
