import type { RequestFacts } from './facts.js';

/** Codes of decisions that let a request in. */
export type AllowCode = 'licence_active' | 'licence_grace_full' | 'rule_allowed';
export type ReadOnlyCode = 'licence_grace' | 'rule_read_only';
/** Codes that a deny rule of a publisher may carry; the first is the default. */
export const ruleDenyCodes = ['rule_denied', 'payment_required', 'access_paused', 'not_found'] as const;
export type RuleDenyCode = (typeof ruleDenyCodes)[number];
/** Codes of refusals. Each is in the catalogue of faults, which gives its HTTP status. */
export type DenyCode =
  | 'licence_revoked'
  | 'licence_suspended'
  | 'licence_not_started'
  | 'licence_expired'
  | 'trial_ended'
  | 'rule_failed'
  | RuleDenyCode;

interface DecisionBase {
  /** The rule that decided: `builtin:…`, or the id of a publisher's rule. */
  readonly ruleId: string;
  /** The publisher's own sentence for people, if its rule has one. */
  readonly message?: string;
  /** `factsVersion` of the input. */
  readonly factsVersion?: string;
  /** First millisecond at which the answer may be another one although no fact changes; Infinity: never. */
  readonly validUntilMs: number;
}

/** A decision is data: what happens, the stable code why, by which rule, and until when it holds if no fact changes. */
export type Decision = DecisionBase &
  (
    | { readonly effect: 'allow'; readonly code: AllowCode }
    | { readonly effect: 'read-only'; readonly code: ReadOnlyCode }
    | { readonly effect: 'deny'; readonly code: DenyCode }
  );

/** The methods that only read (RFC 9110 §9.2.1, safe methods). */
const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS']);

/** isSafeMethod tells whether a method only reads. */
export const isSafeMethod = (method: string): boolean => safeMethods.has(method);

/**
 * refusalOf is the code with which a request is turned away under a decision; undefined: it may pass.
 * Read-only lets a request pass only when its method is safe and its route neither changes nor administers anything.
 */
export function refusalOf(
  decision: Pick<Decision, 'effect' | 'code'>,
  request: Pick<RequestFacts, 'method' | 'routeClass'>,
): DenyCode | 'licence_read_only' | 'rule_read_only' | undefined {
  if (decision.effect === 'allow') return undefined;
  if (decision.effect === 'deny') return decision.code as DenyCode;
  const reads = request.routeClass === 'read' || request.routeClass === 'validate';
  if (reads && isSafeMethod(request.method)) return undefined;
  return decision.code === 'licence_grace' ? 'licence_read_only' : 'rule_read_only';
}
