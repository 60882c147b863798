import { type Decision, standingOf } from '@nm/kernel/licensing';
import type { Clock } from '@nm/kernel/time';
import type { LicenceEntry } from './entries.js';

/** Values of `Nm-Licence-State`, by the code of the built-in rule that holds. */
const stateOfCode: Partial<Record<Decision['code'], string>> = {
  licence_active: 'active',
  licence_grace_full: 'grace',
  licence_grace: 'grace',
  licence_expired: 'expired',
  trial_ended: 'expired',
  licence_suspended: 'suspended',
  licence_revoked: 'revoked',
  licence_not_started: 'not-started',
};

/** licenceStateText is where the licence stands by itself, whatever the rules of the app said. @param decision spares the question when it is known */
export const licenceStateText = (licence: LicenceEntry, decision: Decision | undefined, clock: Clock): string =>
  (decision && stateOfCode[decision.code]) ?? stateOfCode[standingOf(licence.facts, clock.nowMs()).code] ?? 'active';
