import {
  compileRules,
  type Decision,
  type DecisionInput,
  decide,
  decidePrepared,
  loadRules,
  prepare,
  refusalOf,
  routeClassOf,
} from '../../index.js';
import { print } from './expression.js';
import { type Case, caseOf } from './generate-case.js';
import { instantsOf, judge, refusal, type Verdict } from './licence-oracle.js';
import { randomOf } from './random.js';
import { classOf, routeOf } from './route-class-oracle.js';
import { smaller } from './shrink.js';

export interface Mismatch {
  readonly seed: number;
  readonly what: string;
  readonly rules: readonly string[];
  /** Absent: it is about a route alone. */
  readonly facts: Case['facts'] | undefined;
  readonly ask: Case['asks'][number] | undefined;
}
export interface FuzzResult {
  readonly decisions: number;
  /** How often the oracle gave each route class. */
  readonly routeClasses: ReadonlyMap<string, number>;
  /** How often the oracle gave each code. */
  readonly codes: ReadonlyMap<string, number>;
  readonly mismatches: readonly Mismatch[];
}

const plain = ({ effect, code, ruleId, message }: Decision): Verdict => ({ effect, code, ruleId, message });
const show = (verdict: object) => JSON.stringify(verdict);

/** A fault of what is promised about a decision itself: how long it holds, and from which facts it is. */
function promiseBroken(
  rules: Case['rules'],
  input: DecisionInput,
  nowMs: number,
  decision: Decision,
): string | undefined {
  const { validUntilMs, factsVersion } = decision;
  if (factsVersion !== input.factsVersion) return `factsVersion ${factsVersion}`;
  if (!(validUntilMs > nowMs)) return `validUntilMs ${validUntilMs} is not after now`;
  const expected = show(judge(rules, input, nowMs));
  const { starts, expires, fullUntil, ends } = instantsOf(input.licence);
  const last = Math.min(validUntilMs, nowMs + 400 * 86_400_000) - 1;
  const moments = [starts, expires, fullUntil, ends, last, Math.floor((nowMs + last) / 2)];
  for (const moment of moments)
    if (moment > nowMs && moment < validUntilMs && show(judge(rules, input, moment)) !== expected)
      return `validUntilMs ${validUntilMs}, but at ${moment}: ${show(judge(rules, input, moment))}`;
  const builtin = rules.length === 0 && validUntilMs !== Infinity;
  if (builtin && judge([], input, validUntilMs).code === decision.code)
    return `validUntilMs ${validUntilMs} changes nothing`;
  return undefined;
}

interface Difference {
  readonly what: string;
  readonly ask: Case['asks'][number] | undefined;
}

/** compare asks product and oracle; undefined: they agree. @param compile as when rules are saved, or (much faster) as when they are loaded */
function compare(
  { rules, facts, asks }: Case,
  count?: (code: string) => void,
  compile = compileRules,
): Difference | undefined {
  let compiled: ReturnType<typeof compileRules>;
  try {
    compiled = compile(rules.map(({ tree, ...rule }) => ({ ...rule, when: print(tree) })));
  } catch (error) {
    return {
      what: `refused: ${show((error as { extra?: object }).extra ?? { error: String(error) })}`,
      ask: undefined,
    };
  }
  const prepared = prepare(compiled, facts);
  for (const ask of asks) {
    const { request, nowMs } = ask;
    const input = { ...facts, request };
    const verdict = judge(rules, input, nowMs);
    count?.(verdict.code);
    const expected = show(verdict);
    const decided = decide(compiled, input, nowMs);
    if (show(plain(decided)) !== expected) return { what: `oracle ${expected}\n  decide ${show(decided)}`, ask };
    const quick = decidePrepared(prepared, request, nowMs);
    if (show(plain(quick)) !== expected) return { what: `oracle ${expected}\n  decidePrepared ${show(quick)}`, ask };
    if (refusalOf(decided, request) !== refusal(verdict, request))
      return { what: `refusalOf ${refusalOf(decided, request)}, oracle ${refusal(verdict, request)}`, ask };
    const broken = promiseBroken(rules, input, nowMs, decided) ?? promiseBroken(rules, input, nowMs, quick);
    if (broken) return { what: broken, ask };
  }
  return undefined;
}

const kindOf = (difference: Difference | undefined) => difference?.what.split(' ', 1)[0];

function minimal(found: Case, first: Difference, seed: number): Mismatch {
  let [best, why] = [found, first];
  for (let again = true; again; ) {
    again = false;
    for (const candidate of smaller(best)) {
      const difference = compare(candidate);
      if (!difference || kindOf(difference) !== kindOf(first)) continue;
      [best, why, again] = [candidate, difference, true];
      break;
    }
  }
  const rules = best.rules.map(({ id, effect, code, tree }) => `${id} ${effect} ${code ?? ''}: ${print(tree)}`);
  return { seed, what: why.what, rules, facts: best.facts, ask: why.ask };
}

const mismatchesMax = 20;
/** One of so many cases goes through the checks of rules that are saved; a loaded rule that is refused fails, which the oracle would not. */
const savedEach = 5;
const routesEach = 10;

/** compareRoutes asks product and oracle for the class of some requests. */
function compareRoutes(seed: number, count: (routeClass: string) => void): Mismatch[] {
  const random = randomOf(seed ^ 0x5f5f5f5f);
  return Array.from({ length: routesEach }, () => routeOf(random)).flatMap(([method, path]) => {
    const expected = classOf(method, path);
    count(expected);
    const given = routeClassOf(method, path);
    const what = `class of ${method} ${path}: ${given}, oracle ${expected}`;
    return given === expected ? [] : [{ seed, what, rules: [], facts: undefined, ask: undefined }];
  });
}

/** fuzz compares the product with the oracle from case to case, each with a seed of its own, for so many decisions. */
export function fuzz(firstSeed: number, atLeast: number): FuzzResult {
  const codes = new Map<string, number>();
  const routeClasses = new Map<string, number>();
  const mismatches: Mismatch[] = [];
  let decisions = 0;
  const add = (to: Map<string, number>, name: string) => to.set(name, (to.get(name) ?? 0) + 1);
  const count = (code: string) => {
    decisions++;
    add(codes, code);
  };
  for (let seed = firstSeed; decisions < atLeast && mismatches.length < mismatchesMax; seed++) {
    const generated = caseOf(randomOf(seed));
    const difference = compare(generated, count, seed % savedEach === 0 ? compileRules : loadRules);
    if (difference) mismatches.push(minimal(generated, difference, seed));
    mismatches.push(...compareRoutes(seed, (routeClass) => add(routeClasses, routeClass)));
  }
  return { decisions, codes, routeClasses, mismatches };
}
