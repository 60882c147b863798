import type { Decision } from './decision.js';

/** One access rule of a publisher. Rules are ordered; the first whose expression is true decides. */
export interface AccessRule {
  /** Unique within its rule set; never starts with `builtin:`. */
  readonly id: string;
  readonly name: string;
  readonly effect: Decision['effect'];
  /** CEL expression of type bool (docs/guides/access-rules.md). */
  readonly when: string;
  /** Of a deny rule only, one of `ruleDenyCodes`; absent: `rule_denied`. */
  readonly code?: string | undefined;
  /** A sentence for the people who are turned away. */
  readonly message?: string | undefined;
}

/** Why a rule cannot be used, and where. Line and column count from 1, offset from 0, in UTF-16 code units of `when`. */
export interface RuleFault {
  readonly ruleId: string;
  /** Position of the rule in its set. */
  readonly index: number;
  readonly message: string;
  readonly line: number;
  readonly column: number;
  readonly offset: number;
}
