import type { AccessRule, DecisionInput, GraceStep, LicenceFacts } from '../../index.js';
import { msOf } from './calendar.js';
import { costOf, type Node } from './expression.js';
import { expressionOf, type Ground } from './generate-expression.js';
import { instantsOf, neverMs, type TreeRule } from './licence-oracle.js';
import type { Random } from './random.js';
import { addresses, blocks, entitlementKeys, limitKeys, notBlocks, strings } from './vocabulary.js';

/** One rule set and one state of the facts, asked by several requests at several times. */
export interface Case {
  readonly rules: readonly TreeRule[];
  readonly facts: Omit<DecisionInput, 'request'>;
  readonly asks: readonly { readonly request: DecisionInput['request']; readonly nowMs: number }[];
}

const dayMs = 86_400_000;
const asksEach = 10;

function licenceOf({ below, chance, pick }: Random): LicenceFacts {
  const startsAtMs = msOf(2020 + below(15), 1 + below(12), 1 + below(28)) + below(dayMs);
  const later = () => startsAtMs + pick([0, 1, 1000, -dayMs, 30 * dayMs, 365 * dayMs, below(400 * dayMs)]);
  const expiresAtMs = chance(20) ? undefined : chance(3) ? neverMs + pick([-1, 0, 1, 100 * dayMs]) : later();
  const step = (): GraceStep => ({
    mode: pick(['full', 'read-only']),
    seconds: pick([0, 0, 1, 60, 86_400, below(1_000_000)]),
  });
  const firstUse = chance(70)
    ? undefined
    : { seconds: pick([0, 1, 3600, 86_400 * 14, below(10_000_000)]), usedAtMs: chance(30) ? undefined : later() };
  return {
    state: chance(90) ? 'active' : pick(['suspended', 'revoked']),
    startsAtMs,
    expiresAtMs,
    grace: Array.from({ length: pick([0, 0, 1, 2, 3, 4]) }, step),
    trial: chance(30),
    ...(firstUse ? { firstUse } : {}),
  };
}

function factsOf(random: Random): Case['facts'] {
  const { below, chance, pick } = random;
  const scalar = () =>
    pick([true, false, 0, 1, 2.5, 5, 9007199254740992, -1, pick(strings), pick(blocks), pick(notBlocks)]);
  const some = <T>(keys: readonly string[], value: () => T) =>
    Object.fromEntries(
      keys
        .filter((key) => key !== 'gone' && key !== 'toString' && chance(key === 'constructor' ? 5 : 75))
        .map((key) => [key, value()]),
    );
  const limit = (): unknown => pick([0, 1, 3, 5, 10, 2.5]);
  const limits = some(limitKeys, limit);
  if (chance(70)) limits.seats = some(['users', 'sessions'], limit);
  return {
    licence: { id: pick(['lic_1', 'lic_2']), ...licenceOf(random) },
    plan: { slug: pick(['free', 'pro', pick(strings)]), entitlements: some(entitlementKeys, scalar), limits },
    customer: { id: pick(['cust_1', 'a']), name: pick(strings) },
    ...(chance(50) ? { install: { id: 'kin_1', clusterId: pick(['clu_1', 'a']), namespace: 'default' } } : {}),
    version: pick(['3.1.0', 'v3', pick(strings)]),
    ...(chance(50) ? { channel: pick(['beta', 'stable']) } : {}),
    ...(chance(50) ? { factsVersion: String(below(100)) } : {}),
  };
}

function requestOf({ pick, chance }: Random): DecisionInput['request'] {
  return {
    method: pick(['GET', 'HEAD', 'OPTIONS', 'POST', 'PATCH', 'DELETE']),
    path: chance(3)
      ? `/api/${'a'.repeat(pick([1019, 1020]))}`
      : pick(['/api/variables/all', '/', '/api', '/a/é', pick(strings)]),
    routeClass: pick(['read', 'validate', 'mutate', 'admin']),
    address: chance(70) ? pick(addresses.slice(0, 14)) : pick(addresses),
  };
}

function ruleOf(ground: Ground, index: number, id: string): TreeRule {
  const { random } = ground;
  const effect = random.pick(['allow', 'deny', 'read-only'] as const);
  const code = random.pick([
    undefined,
    'rule_denied',
    'payment_required',
    'access_paused',
    'not_found',
  ] satisfies AccessRule['code'][]);
  return {
    id,
    name: `rule ${index}`,
    effect,
    tree: expressionOf(ground),
    ...(effect === 'deny' && code ? { code } : {}),
    ...(random.chance(20) ? { message: 'Ask us.' } : {}),
  };
}

/** Instants that the trees name, so that times around them are asked. */
function named(tree: Node): number[] {
  const own =
    tree.type === 'ts' && typeof tree.value === 'object' && 'instantMs' in tree.value ? [tree.value.instantMs] : [];
  return [...own, ...tree.kids.flatMap(named)];
}

/** caseOf generates one case; it keeps to the documented bounds of cost. */
export function caseOf(random: Random): Case {
  const facts = factsOf(random);
  const { starts, expires, fullUntil, ends } = instantsOf(facts.licence);
  const edges = [starts, expires, fullUntil, ends].map((ms) => Math.min(ms, neverMs));
  const ground = { random, instants: edges };
  const rules: TreeRule[] = [];
  let cost = 0;
  for (let left = random.pick([0, 1, 1, 2, 2, 3, 4, 6]); left > 0; left--) {
    const rule = ruleOf(ground, rules.length, `r${rules.length}`);
    if (costOf(rule.tree) > 2000 || cost + costOf(rule.tree) > 10_000) continue;
    cost += costOf(rule.tree);
    rules.push(rule);
  }
  const instants = [...edges, ...rules.flatMap((rule) => named(rule.tree))];
  const nowMs = () => {
    const around = random.pick(instants);
    return (
      around +
      random.pick([
        0,
        0,
        0,
        -1,
        -1,
        1,
        1000,
        -1000,
        random.below(2 * dayMs) - dayMs,
        random.below(60 * dayMs) - 30 * dayMs,
      ])
    );
  };
  const requests = [requestOf(random), requestOf(random), requestOf(random)];
  const asks = Array.from({ length: asksEach }, () => ({ request: random.pick(requests), nowMs: nowMs() }));
  return { rules, facts, asks };
}
