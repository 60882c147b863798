/** All that a decision looks at; the gateway keeps one of these per licence in memory. */
export interface LicenceFacts {
  readonly state: 'active' | 'suspended' | 'revoked';
  readonly startsAtMs: number;
  /** Absent: never expires. */
  readonly expiresAtMs: number | undefined;
  /** After expiry, reading stays allowed for this long. */
  readonly graceSeconds: number;
}

export type DenyCode = 'licence_revoked' | 'licence_suspended' | 'licence_not_started' | 'licence_expired';

/** A decision is data: what happens, the stable code why, and until when it holds if no fact changes. */
export type Decision =
  | { readonly effect: 'allow'; readonly code: 'licence_active'; readonly validUntilMs: number }
  | { readonly effect: 'read-only'; readonly code: 'licence_grace'; readonly validUntilMs: number }
  | { readonly effect: 'deny'; readonly code: DenyCode; readonly validUntilMs: number };

/**
 * decide is the one rule for who gets in: a pure function of the licence and the time.
 * Precedence, first that holds: revoked, suspended, not started, expired beyond grace, in grace, active.
 * Boundaries: valid from `startsAtMs` inclusive to `expiresAtMs` exclusive; grace likewise.
 */
export function decide(facts: LicenceFacts, nowMs: number): Decision {
  if (facts.state === 'revoked') return { effect: 'deny', code: 'licence_revoked', validUntilMs: Infinity };
  if (facts.state === 'suspended') return { effect: 'deny', code: 'licence_suspended', validUntilMs: Infinity };
  if (nowMs < facts.startsAtMs) return { effect: 'deny', code: 'licence_not_started', validUntilMs: facts.startsAtMs };
  const expiresAtMs = facts.expiresAtMs ?? Infinity;
  if (nowMs < expiresAtMs) return { effect: 'allow', code: 'licence_active', validUntilMs: expiresAtMs };
  const graceEndMs = expiresAtMs + facts.graceSeconds * 1000;
  if (nowMs < graceEndMs) return { effect: 'read-only', code: 'licence_grace', validUntilMs: graceEndMs };
  return { effect: 'deny', code: 'licence_expired', validUntilMs: Infinity };
}

/** The methods that read-only lets through (RFC 9110 §9.2.1, safe methods). */
const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS']);

/** isSafeMethod tells whether a method only reads. */
export const isSafeMethod = (method: string): boolean => safeMethods.has(method);
