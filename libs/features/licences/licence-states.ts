import type { LicenceState } from '@nm/kernel/contracts';

/** What a publisher does to a licence. */
export type LicenceMove = 'suspend' | 'resume' | 'revoke';

/**
 * moves says where each act leads from each state; absent: not allowed. An act that changes nothing is allowed,
 * so that a repeated request does no harm. Revoked is final.
 */
const moves: Readonly<Record<LicenceMove, Partial<Record<LicenceState, LicenceState>>>> = {
  suspend: { active: 'suspended', suspended: 'suspended' },
  resume: { active: 'active', suspended: 'active' },
  revoke: { active: 'revoked', suspended: 'revoked', revoked: 'revoked' },
};

/** nextState gives the state after an act, or undefined when the act is not allowed. */
export const nextState = (state: LicenceState, move: LicenceMove): LicenceState | undefined => moves[move][state];
