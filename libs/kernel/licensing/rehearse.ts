import type { CompiledRules } from './compile-rules.js';
import { decide } from './decide.js';
import { type Decision, refusalOf } from './decision.js';
import type { DecisionInput } from './facts.js';

/** A request that was seen, with the facts of its time. */
export interface RehearsalSample {
  readonly input: DecisionInput;
  readonly atMs: number;
  /** How many requests it stands for. */
  readonly weight: number;
}

/** What a request is told under one rule set. */
export interface Outcome {
  readonly admitted: boolean;
  /** The code that the client sees when it is refused, else the decision's. */
  readonly code: string;
  readonly decision: Decision;
}

export interface RehearsedChange {
  /** Position of the sample. */
  readonly index: number;
  readonly kind: RehearsalKind;
  readonly now: Outcome;
  readonly proposed: Outcome;
}

/** `differently`: as many get through as before, with another mode, code or rule. */
export type RehearsalKind = 'let-in' | 'shut-out' | 'differently';

export interface Rehearsal {
  readonly samples: number;
  /** Requests that the samples stand for, by what happens to them. */
  readonly requests: Readonly<Record<RehearsalKind | 'same', number>>;
  readonly changes: readonly RehearsedChange[];
}

/** rehearse shows who would be let in or shut out by proposed rules, had they been in force when the samples were taken. */
export function rehearse(now: CompiledRules, proposed: CompiledRules, samples: readonly RehearsalSample[]): Rehearsal {
  const requests = { 'let-in': 0, 'shut-out': 0, differently: 0, same: 0 };
  const changes: RehearsedChange[] = [];
  for (const [index, sample] of samples.entries()) {
    const [before, after] = [outcomeOf(now, sample), outcomeOf(proposed, sample)];
    const kind = kindOf(before, after);
    requests[kind] += sample.weight;
    if (kind !== 'same') changes.push({ index, kind, now: before, proposed: after });
  }
  return { samples: samples.length, requests, changes };
}

function outcomeOf(rules: CompiledRules, { input, atMs }: RehearsalSample): Outcome {
  const decision = decide(rules, input, atMs);
  const refusal = refusalOf(decision, input.request);
  return { admitted: refusal === undefined, code: refusal ?? decision.code, decision };
}

function kindOf(before: Outcome, after: Outcome): RehearsalKind | 'same' {
  if (before.admitted !== after.admitted) return after.admitted ? 'let-in' : 'shut-out';
  const same = before.code === after.code && before.decision.ruleId === after.decision.ruleId;
  return same ? 'same' : 'differently';
}
