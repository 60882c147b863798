import { type BuiltinMatch, matchAfter, matchBefore } from './builtin-rules.js';
import { RequestVars, type Variables, variablesOf } from './cel-variables.js';
import type { CompiledRule, CompiledRules } from './compile-rules.js';
import { ask, failed, ofBuiltin, ofRule } from './decide.js';
import type { Decision } from './decision.js';
import type { RequestFacts, StandingFacts } from './facts.js';
import { type Timeline, timelineOf } from './timeline.js';

/** A rule that has to be asked for each request. */
interface Step {
  readonly rule: CompiledRule;
  /** First change of the rules before it that don't read the request. */
  readonly untilMs: number;
}

/** What is left to do for one request, while the clock is within [fromMs, untilMs). */
interface Plan {
  readonly fromMs: number;
  readonly untilMs: number;
  readonly steps: readonly Step[];
  /** What holds when no step matches. */
  readonly last: Decision;
  /** Some step reads the path. */
  readonly readsPath: boolean;
  /** What was answered last, the newest first: a caller's requests mostly differ in their paths only. */
  readonly answers: Answer[];
}

interface Answer {
  readonly request: RequestFacts;
  readonly fromMs: number;
  readonly decision: Decision;
}

const answersMax = 4;

/**
 * One rule set and one state of the facts, with everything decided that doesn't depend on the request. It keeps that until the next instant that a
 * rule names. When a fact or a rule changes, make a new one.
 */
export interface Prepared {
  readonly rules: CompiledRules;
  readonly facts: StandingFacts;
  readonly timeline: Timeline;
  readonly before: BuiltinMatch | undefined;
  readonly variables: Variables;
  plan: Plan | undefined;
}

/** prepare makes decisions for many requests cheap. @returns what `decidePrepared` takes */
export function prepare(rules: CompiledRules, facts: StandingFacts): Prepared {
  const timeline = timelineOf(facts.licence);
  return {
    rules,
    facts,
    timeline,
    before: matchBefore(facts.licence.state),
    variables: variablesOf(facts, timeline),
    plan: undefined,
  };
}

/** readsPath tells whether the last decision looked at the path of its request: if not, it holds for all that are otherwise alike. */
export const readsPath = ({ plan }: Prepared): boolean => plan?.readsPath ?? true;

/** decidePrepared is `decide` with most of the work done before; the two give equal answers. */
export function decidePrepared(prepared: Prepared, request: RequestFacts, nowMs: number): Decision {
  let { plan } = prepared;
  if (plan === undefined || nowMs < plan.fromMs || nowMs >= plan.untilMs) {
    plan = planAt(prepared, nowMs);
    prepared.plan = plan;
  }
  if (plan.steps.length === 0) return plan.last;
  return answered(plan, request, nowMs) ?? answer(prepared, plan, request, nowMs);
}

const alike = (plan: Plan, a: RequestFacts, b: RequestFacts): boolean =>
  a.address === b.address &&
  a.method === b.method &&
  a.routeClass === b.routeClass &&
  (!plan.readsPath || a.path === b.path);

function answered(plan: Plan, asked: RequestFacts, nowMs: number): Decision | undefined {
  for (const { request, fromMs, decision } of plan.answers)
    if (alike(plan, request, asked)) return nowMs >= fromMs && nowMs < decision.validUntilMs ? decision : undefined;
  return undefined;
}

function answer(prepared: Prepared, plan: Plan, request: RequestFacts, nowMs: number): Decision {
  const decision = walk(prepared, plan, request, nowMs);
  const { answers } = plan;
  const same = answers.findIndex((known) => alike(plan, known.request, request));
  if (same >= 0) answers.splice(same, 1);
  else if (answers.length === answersMax) answers.pop();
  answers.unshift({ request, fromMs: nowMs, decision });
  return decision;
}

function walk({ variables, facts }: Prepared, { steps, last }: Plan, request: RequestFacts, nowMs: number): Decision {
  variables.request = new RequestVars(request);
  variables.now = new Date(nowMs);
  let untilMs = Infinity;
  for (const step of steps) {
    const { matched, changeMs } = ask(step.rule, variables);
    untilMs = Math.min(untilMs, changeMs);
    if (matched === false) continue;
    const make = matched === 'failed' ? failed : ofRule;
    return make(step.rule.rule, Math.min(untilMs, step.untilMs), facts.factsVersion);
  }
  return untilMs < last.validUntilMs ? { ...last, validUntilMs: untilMs } : last;
}

function planAt({ rules: { rules }, facts, timeline, before, variables }: Prepared, nowMs: number): Plan {
  const { factsVersion, licence } = facts;
  const steps: Step[] = [];
  let untilMs = Infinity;
  const planOf = (last: Decision): Plan => ({
    fromMs: nowMs,
    untilMs: last.validUntilMs,
    steps,
    last,
    readsPath: steps.some(({ rule }) => rule.program?.readsPath),
    answers: [],
  });
  if (before) return planOf(ofBuiltin(before, Infinity, factsVersion));
  variables.now = new Date(nowMs);
  for (const rule of rules) {
    if (rule.program?.readsRequest) {
      steps.push({ rule, untilMs });
      continue;
    }
    const { matched, changeMs } = ask(rule, variables);
    untilMs = Math.min(untilMs, changeMs);
    if (matched === 'failed') return planOf(failed(rule.rule, untilMs, factsVersion));
    if (matched) return planOf(ofRule(rule.rule, untilMs, factsVersion));
  }
  return planOf(ofBuiltin(matchAfter(timeline, licence.trial, nowMs), untilMs, factsVersion));
}
