import type { AccessRule, DecisionInput, LicenceFacts } from '../../index.js';
import { msOf } from './calendar.js';
import { bool, evaluate, type Node, type Scope, variable } from './expression.js';
import type { Value } from './values.js';

/** A rule as the oracle knows it: its expression is a tree, whose print is what the product gets. */
export interface TreeRule extends Omit<AccessRule, 'when'> {
  readonly tree: Node;
}

export interface Verdict {
  readonly effect: string;
  readonly code: string;
  readonly ruleId: string;
  readonly message: string | undefined;
}

/** "Never" in expressions. */
export const neverMs = msOf(9000, 1, 1);

/** The section "The time of a licence", before dates are cut. */
export function instantsOf({ expiresAtMs, firstUse, grace, startsAtMs }: LicenceFacts) {
  const ends = [expiresAtMs ?? Infinity];
  if (firstUse?.usedAtMs !== undefined) ends.push(firstUse.usedAtMs + firstUse.seconds * 1000);
  const expires = Math.min(...ends);
  const reading = grace.findIndex((step) => step.mode === 'read-only' && step.seconds > 0);
  const full = (reading < 0 ? grace : grace.slice(0, reading)).filter((step) => step.mode === 'full');
  const total = (steps: typeof grace) => steps.reduce((sum, step) => sum + step.seconds * 1000, 0);
  return { starts: startsAtMs, expires, fullUntil: expires + total(full), ends: expires + total(grace) };
}

const cut = (ms: number) => Math.min(ms, neverMs);

function fromFacts(thing: unknown): Value {
  return typeof thing === 'object' && thing !== null
    ? new Map(Object.entries(thing).map(([key, inner]) => [key, fromFacts(inner)]))
    : (thing as Value);
}

/** The table "Variables". */
export function variablesOf(
  { licence, plan, customer, install, version, channel, request }: DecisionInput,
  nowMs: number,
  toInstant: (ms: number) => number,
) {
  const instant = (ms: number): Value => ({ instantMs: toInstant(ms) });
  const { starts, expires, fullUntil, ends } = instantsOf(licence);
  return new Map<string, Value>([
    ['licence.id', licence.id],
    ['licence.state', licence.state],
    ['licence.trial', licence.trial],
    ['licence.perpetual', expires === Infinity],
    ['licence.starts_at', instant(starts)],
    ['licence.expires_at', instant(expires)],
    ['licence.full_until', instant(fullUntil)],
    ['licence.ends_at', instant(ends)],
    ['plan.slug', plan.slug],
    ['plan.entitlements', fromFacts(plan.entitlements)],
    ['plan.limits', fromFacts(plan.limits)],
    ['customer.id', customer.id],
    ['customer.name', customer.name],
    ['install.id', install?.id ?? ''],
    ['install.cluster_id', install?.clusterId ?? ''],
    ['install.namespace', install?.namespace ?? ''],
    ['version', version],
    ['channel', channel ?? ''],
    ['request.method', request.method],
    ['request.path', request.path],
    ['request.route_class', request.routeClass],
    ['request.address', request.address],
    ['now', { instantMs: nowMs }],
  ]);
}

const is = (op: string, left: Node, right: Node): Node => ({ op, type: 'bool', kids: [left, right] });
const text = (value: string): Node => ({ op: 'literal', type: 'string', kids: [], text: JSON.stringify(value), value });
const since = (name: string) => is('>=', variable('now'), variable(`licence.${name}`));
const builtin = (id: string, tree: Node, effect: AccessRule['effect'], code: string): TreeRule => ({
  id: `builtin:${id}`,
  name: id,
  tree,
  effect,
  code,
});
const state = (name: string) => is('==', variable('licence.state'), text(name));

/** The section "The order". */
const first = [
  builtin('licence-revoked', state('revoked'), 'deny', 'licence_revoked'),
  builtin('licence-suspended', state('suspended'), 'deny', 'licence_suspended'),
];
const last = [
  builtin(
    'licence-not-started',
    is('<', variable('now'), variable('licence.starts_at')),
    'deny',
    'licence_not_started',
  ),
  builtin('trial-ended', is('&&', variable('licence.trial'), since('ends_at')), 'deny', 'trial_ended'),
  builtin('licence-expired', since('ends_at'), 'deny', 'licence_expired'),
  builtin('licence-grace', since('full_until'), 'read-only', 'licence_grace'),
  builtin('licence-grace-full', since('expires_at'), 'allow', 'licence_grace_full'),
  builtin('licence-active', bool(true), 'allow', 'licence_active'),
];
const ownCode = { allow: 'rule_allowed', 'read-only': 'rule_read_only', deny: 'rule_denied' };

/** judge is the oracle: rules one after the other, each tree walked. */
export function judge(rules: readonly TreeRule[], input: DecisionInput, nowMs: number): Verdict {
  const scope = (toInstant: typeof cut): Scope => ({
    variables: variablesOf(input, nowMs, toInstant),
    locals: new Map(),
  });
  const [own, real] = [scope(cut), scope((ms) => ms)];
  for (const rule of [...first, ...rules, ...last]) {
    const outcome = evaluate(rule.tree, rules.includes(rule) ? own : real);
    if (outcome === false) continue;
    const { id: ruleId, effect, message } = rule;
    if (outcome !== true) return { effect: 'deny', code: 'rule_failed', ruleId, message: undefined };
    return { effect, code: rule.code ?? ownCode[effect], ruleId, message };
  }
  throw new Error('the last rule is always true');
}

/** The section "Read-only" and the effects: the code of a refusal; undefined: the request passes. */
export function refusal({ effect, code }: Verdict, { method, routeClass }: DecisionInput['request']) {
  if (effect === 'allow') return undefined;
  if (effect === 'deny') return code;
  const reads = ['GET', 'HEAD', 'OPTIONS'].includes(method) && ['read', 'validate'].includes(routeClass);
  if (reads) return undefined;
  return code === 'licence_grace' ? 'licence_read_only' : 'rule_read_only';
}
