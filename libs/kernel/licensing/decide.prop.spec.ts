import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rulesAfter, rulesBefore } from './builtin-rules.js';
import { type CompiledRules, compileRules, loadRules, noRules } from './compile-rules.js';
import { decide, standingOf } from './decide.js';
import { type Decision, refusalOf } from './decision.js';
import type { DecisionInput, RequestFacts } from './facts.js';
import { decidePrepared, prepare } from './prepare.js';
import type { AccessRule } from './rules.js';

const base = Date.UTC(2026, 2, 27);
const hour = 3_600_000;
/** Four days around a change to summer time, mostly at and beside whole hours, so that boundaries are hit. */
const time = fc.oneof(
  fc.integer({ min: 0, max: 96 * hour }).map((ms) => base + ms),
  fc
    .tuple(fc.integer({ min: 0, max: 96 }), fc.integer({ min: -2, max: 2 }))
    .map(([hours, ms]) => base + hours * hour + ms),
);
const grace = fc.array(
  fc.record({ mode: fc.constantFrom('full' as const, 'read-only' as const), seconds: fc.constantFrom(0, 60, 3_600) }),
  { maxLength: 3 },
);
const licence = fc.record({
  id: fc.constant('lic_1'),
  state: fc.constantFrom(
    'active' as const,
    'active' as const,
    'active' as const,
    'suspended' as const,
    'revoked' as const,
  ),
  startsAtMs: time,
  expiresAtMs: fc.option(time, { nil: undefined }),
  grace,
  trial: fc.boolean(),
});
const request = fc.record<RequestFacts>({
  method: fc.constantFrom('GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE'),
  path: fc.constantFrom('/', '/api/status', '/api/actions/x/run', '/other'),
  routeClass: fc.constantFrom('read', 'validate', 'mutate', 'admin'),
  address: fc.constantFrom('10.1.2.3', '192.168.0.9', '2001:db8::7', '::ffff:10.0.0.1', 'nonsense'),
});
const input = fc.record<DecisionInput>({
  licence,
  plan: fc.constantFrom(
    { slug: 'free', entitlements: {}, limits: { installsMax: 1 } },
    { slug: 'pro', entitlements: { sso: true, seats: 5, region: 'eu' }, limits: { installsMax: 9 } },
  ),
  customer: fc.constant({ id: 'cust_1', name: 'Acme' }),
  install: fc.constantFrom(undefined, { id: 'inst_1', clusterId: 'clu_1', namespace: 'prod' }),
  version: fc.constantFrom('1.0.0', '2.0.0'),
  channel: fc.constantFrom(undefined, 'stable'),
  factsVersion: fc.constantFrom(undefined, 'v7'),
  request,
});

const stamp = time.map((ms) => `timestamp("${new Date(ms).toISOString()}")`);
const order = fc.constantFrom('<', '<=', '>', '>=', '==', '!=');
const span = fc.constantFrom('duration("1h")', 'duration("-90m")', 'duration("30s")', 'duration("0s")');
const date = fc.oneof(
  stamp,
  fc.constantFrom('licence.starts_at', 'licence.expires_at', 'licence.full_until', 'licence.ends_at'),
);
const write =
  (make: (...parts: string[]) => string) =>
  (parts: string[]): string =>
    make(...parts);
const timeAtom = fc.oneof(
  fc.tuple(order, date).map(write((o, t) => `now ${o} ${t}`)),
  fc.tuple(order, date).map(write((o, t) => `${t} ${o} now`)),
  fc.tuple(order, date, span).map(write((o, t, d) => `now + ${d} ${o} ${t}`)),
  fc.tuple(order, date, span).map(write((o, t, d) => `${d} + now ${o} ${t}`)),
  fc.tuple(order, date, span).map(write((o, t, d) => `${t} ${o} now - ${d}`)),
  fc.tuple(order, date, span).map(write((o, t, d) => `${t} + ${d} ${o} now`)),
  fc.tuple(order, date, span).map(write((o, t, d) => `now ${o} ${d} + ${t}`)),
  fc.tuple(order, date, span).map(write((o, t, d) => `now - ${t} ${o} ${d}`)),
  fc.tuple(order, date, span).map(write((o, t, d) => `${d} ${o} ${t} - now`)),
  fc.constantFrom(
    'now.getHours() >= 12',
    'now.getHours("Europe/Berlin") == 3',
    'now.getMinutes() == 59',
    'now.getSeconds() < 30',
    'now.getMilliseconds() == 1',
    'now.getDayOfWeek("America/New_York") in [0, 6]',
    'now.getDate("Asia/Kathmandu") == 28',
    '[now].exists(x, x >= licence.expires_at)',
    '[licence.expires_at].exists(x, now >= x)',
    'timestamp(version) > now',
  ),
);
const plainAtom = fc.constantFrom(
  'true',
  'false',
  'plan.slug == "pro"',
  'licence.trial',
  'licence.perpetual',
  'has(plan.entitlements.sso)',
  'plan.entitlements.seats > 3',
  'install.namespace == "prod"',
  'version.startsWith("2.")',
  'channel == "stable"',
  'plan.limits.installsMax < 5',
);
const requestAtom = fc.constantFrom(
  'request.method in ["POST", "PUT"]',
  'request.path.startsWith("/api/")',
  'request.path.matches("/run$")',
  'request.route_class == "mutate"',
  'request.address.inCidr("10.0.0.0/8")',
);
const expression = fc.letrec<{ node: string }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    plainAtom,
    requestAtom,
    timeAtom,
    fc.tuple(tie('node'), tie('node')).map(write((a, b) => `(${a} && ${b})`)),
    fc.tuple(tie('node'), tie('node')).map(write((a, b) => `(${a} || ${b})`)),
    tie('node').map((a) => `!(${a})`),
    fc.tuple(tie('node'), tie('node'), tie('node')).map(write((a, b, c) => `(${a} ? ${b} : ${c})`)),
  ),
})).node;
const effect = fc.constantFrom('allow' as const, 'read-only' as const, 'deny' as const);
const ruleSet = fc
  .array(fc.record({ effect, when: expression }), { maxLength: 4 })
  .map((rules) => rules.map((rule, i): AccessRule => ({ id: `r${i}`, name: 'a rule', ...rule })));

const untimed = ({ validUntilMs, ...rest }: Decision): object => rest;

describe('decide', () => {
  it('gives the same prepared as direct, whatever the order of times and requests', () => {
    fc.assert(
      fc.property(
        ruleSet,
        input,
        fc.array(fc.tuple(request, time), { minLength: 1, maxLength: 6 }),
        (set, facts, asked) => {
          const rules = compileRules(set);
          const prepared = prepare(rules, facts);
          for (const [r, now] of asked)
            expect(decidePrepared(prepared, r, now)).toEqual(decide(rules, { ...facts, request: r }, now));
        },
      ),
      { numRuns: 400 },
    );
  });

  it('does not change before validUntilMs', () => {
    fc.assert(
      fc.property(
        ruleSet,
        input,
        time,
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 5 }),
        (set, facts, now, parts) => {
          const rules = compileRules(set);
          const decision = decide(rules, facts, now);
          expect(decision.validUntilMs).toBeGreaterThan(now);
          const last = Math.min(decision.validUntilMs - 1, now + 100 * hour);
          for (const part of [...parts, 1]) {
            const later = now + Math.floor((last - now) * part);
            expect(untimed(decide(rules, facts, later))).toEqual(untimed(decision));
          }
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('asks the rules in order: a rule decides alone, or it is as if it were not there', () => {
    fc.assert(
      fc.property(ruleSet, input, time, (set, facts, now) => {
        const [first, ...rest] = set;
        if (!first || facts.licence.state !== 'active') return;
        const alone = decide(compileRules([first]), facts, now);
        const expected = alone.ruleId === first.id ? alone : decide(compileRules(rest), facts, now);
        expect(untimed(decide(compileRules(set), facts, now))).toEqual(untimed(expected));
      }),
    );
  });

  it('lets no rule override a revocation or a suspension', () => {
    fc.assert(
      fc.property(ruleSet, input, time, (set, facts, now) => {
        if (facts.licence.state === 'active') return;
        expect(decide(compileRules(set), facts, now)).toMatchObject({
          effect: 'deny',
          code: `licence_${facts.licence.state}`,
          ruleId: `builtin:licence-${facts.licence.state}`,
          validUntilMs: Infinity,
        });
      }),
    );
  });

  it('without rules says what the built-in rules say, with the version of the facts', () => {
    fc.assert(
      fc.property(input, time, (facts, now) => {
        const { factsVersion } = facts;
        const expected = { ...standingOf(facts.licence, now), ...(factsVersion === undefined ? {} : { factsVersion }) };
        expect(decide(noRules, facts, now)).toEqual(expected);
      }),
    );
  });

  it('means by the built-in rules exactly what their expressions say', () => {
    const builtins = [...rulesBefore, ...rulesAfter];
    const each: readonly CompiledRules[] = builtins.map(({ when }) =>
      compileRules([{ id: 'it', name: 'it', effect: 'deny', when }]),
    );
    fc.assert(
      fc.property(input, time, (facts, now) => {
        const live: DecisionInput = { ...facts, licence: { ...facts.licence } };
        const decision = standingOf(facts.licence, now);
        // The state is read by the first two expressions; for the evaluation itself the licence has to be active.
        const matches = builtins.findIndex(({ when }, i) =>
          when.includes('state')
            ? when.includes(`"${facts.licence.state}"`)
            : decide(each[i] ?? noRules, { ...live, licence: { ...live.licence, state: 'active' } }, now).ruleId ===
              'it',
        );
        expect(builtins[matches]).toMatchObject({ id: decision.ruleId, effect: decision.effect, code: decision.code });
      }),
    );
  });

  it('denies when a stored rule does not compile any more, and only when it is reached', () => {
    fc.assert(
      fc.property(input, time, fc.boolean(), (facts, now, reached) => {
        const rules = loadRules([
          { id: 'a', name: 'a', effect: 'allow', when: String(!reached) },
          { id: 'b', name: 'b', effect: 'allow', when: 'this is no expression' },
        ]);
        const decision = decide(rules, facts, now);
        if (facts.licence.state !== 'active') return;
        expect(decision).toMatchObject(
          reached
            ? { effect: 'deny', code: 'rule_failed', ruleId: 'b' }
            : { effect: 'allow', code: 'rule_allowed', ruleId: 'a' },
        );
      }),
    );
  });
});

describe('refusalOf', () => {
  it('under read-only never admits an unsafe method or a route that changes something', () => {
    fc.assert(
      fc.property(ruleSet, input, time, (set, facts, now) => {
        const decision = decide(compileRules(set), facts, now);
        const refusal = refusalOf(decision, facts.request);
        if (decision.effect === 'deny') expect(refusal).toBe(decision.code);
        if (decision.effect === 'allow') expect(refusal).toBeUndefined();
        if (decision.effect !== 'read-only') return;
        const reads =
          ['GET', 'HEAD', 'OPTIONS'].includes(facts.request.method) &&
          ['read', 'validate'].includes(facts.request.routeClass);
        const code = decision.code === 'licence_grace' ? 'licence_read_only' : 'rule_read_only';
        expect(refusal).toBe(reads ? undefined : code);
      }),
    );
  });
});
