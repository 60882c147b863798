import { Fault } from '@nm/kernel/fault';
import { type LicenceFacts, standingOf } from '@nm/kernel/licensing';

/** What a request does: `look` reads what the licensee has, `use` uses the licence without changing anything, `change` changes something. */
export type LicenceUse = 'look' | 'use' | 'change';

/**
 * requireLicence refuses what a licence does not allow now. Looking is always allowed: a licensee sees what it has,
 * also when the licence has ended. In the grace period only changes are refused.
 * @param mode of an install token: it may be narrower than the licence
 * @throws Fault licence_expired, trial_ended, licence_suspended, licence_revoked, licence_not_started, licence_read_only
 */
export function requireLicence(
  facts: LicenceFacts,
  use: LicenceUse,
  nowMs: number,
  mode: 'full' | 'read-only' = 'full',
): void {
  if (use === 'look') return;
  const decision = standingOf(facts, nowMs);
  if (decision.effect === 'deny')
    throw new Fault(decision.code, { extra: { startsAt: new Date(facts.startsAtMs).toISOString() } });
  if (use === 'change' && (decision.effect === 'read-only' || mode === 'read-only'))
    throw new Fault('licence_read_only');
}
