import { type BuiltinMatch, matchAfter, matchBefore } from './builtin-rules.js';
import { type Variables, variablesOfInput } from './cel-variables.js';
import type { CompiledRule, CompiledRules } from './compile-rules.js';
import type { Decision } from './decision.js';
import type { DecisionInput, LicenceFacts } from './facts.js';
import type { AccessRule } from './rules.js';
import { timelineOf } from './timeline.js';

/**
 * decide is the one rule for who gets in: a pure function of rules, facts and time. In this order, and the first match wins: revoked and suspended,
 * the publisher's rules, then not started, ended, grace, active. A rule that fails while it is evaluated denies (`rule_failed`).
 */
export function decide({ rules }: CompiledRules, input: DecisionInput, nowMs: number): Decision {
  const { licence, factsVersion } = input;
  const before = matchBefore(licence.state);
  if (before) return ofBuiltin(before, Infinity, factsVersion);
  const timeline = timelineOf(licence);
  let untilMs = Infinity;
  if (rules.length > 0) {
    const variables = variablesOfInput(input, timeline, nowMs);
    for (const rule of rules) {
      const { matched, changeMs } = ask(rule, variables);
      untilMs = Math.min(untilMs, changeMs);
      if (matched === 'failed') return failed(rule.rule, untilMs, factsVersion);
      if (matched) return ofRule(rule.rule, untilMs, factsVersion);
    }
  }
  return ofBuiltin(matchAfter(timeline, licence.trial, nowMs), untilMs, factsVersion);
}

/** standingOf is what the built-in rules alone say: for what has no rules, like the control plane. */
export function standingOf(licence: LicenceFacts, nowMs: number): Decision {
  const match = matchBefore(licence.state) ?? matchAfter(timelineOf(licence), licence.trial, nowMs);
  return ofBuiltin(match, Infinity, undefined);
}

interface Asked {
  readonly matched: boolean | 'failed';
  readonly changeMs: number;
}

/** ask evaluates one rule. */
export function ask({ program }: CompiledRule, variables: Variables): Asked {
  if (!program) return { matched: 'failed', changeMs: Infinity };
  const changeMs = program.nextChangeMs(variables);
  try {
    return { matched: program.test(variables), changeMs };
  } catch {
    return { matched: 'failed', changeMs };
  }
}

const versioned = (factsVersion: string | undefined) => (factsVersion === undefined ? {} : { factsVersion });

export function ofBuiltin(
  { rule, untilMs }: BuiltinMatch,
  atMostMs: number,
  factsVersion: string | undefined,
): Decision {
  const { id: ruleId, effect, code } = rule;
  return { effect, code, ruleId, ...versioned(factsVersion), validUntilMs: Math.min(untilMs, atMostMs) } as Decision;
}

export function failed({ id: ruleId }: AccessRule, validUntilMs: number, factsVersion: string | undefined): Decision {
  return { effect: 'deny', code: 'rule_failed', ruleId, ...versioned(factsVersion), validUntilMs };
}

const codeOf = { allow: 'rule_allowed', 'read-only': 'rule_read_only', deny: 'rule_denied' } as const;

export function ofRule(rule: AccessRule, validUntilMs: number, factsVersion: string | undefined): Decision {
  const { id: ruleId, effect, code, message } = rule;
  return {
    effect,
    code: code ?? codeOf[effect],
    ruleId,
    ...(message === undefined ? {} : { message }),
    ...versioned(factsVersion),
    validUntilMs,
  } as Decision;
}
