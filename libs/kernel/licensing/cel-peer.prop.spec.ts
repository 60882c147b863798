import { isCelError, run } from '@bufbuild/cel';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileExpression, type Program } from './cel-program.js';
import { variablesOfInput } from './cel-variables.js';
import { ExpressionError } from './expression-error.js';
import type { DecisionInput } from './facts.js';
import { timelineOf } from './timeline.js';

/** Evaluations are held against the CEL implementation that passes the language's own conformance tests. */
const base = Date.UTC(2026, 9, 24);
const hour = 3_600_000;
const time = fc.integer({ min: -100, max: 100 }).map((hours) => base + hours * hour);
const input = fc.record<DecisionInput>({
  licence: fc.record({
    id: fc.constant('lic_1'),
    state: fc.constant('active' as const),
    startsAtMs: time,
    expiresAtMs: time,
    grace: fc.constantFrom(
      [],
      [
        { mode: 'full' as const, seconds: 7_200 },
        { mode: 'read-only' as const, seconds: 60 },
      ],
    ),
    trial: fc.boolean(),
  }),
  plan: fc.constantFrom(
    { slug: 'free', entitlements: {}, limits: {} },
    { slug: 'pro', entitlements: { sso: true, seats: 5, share: 0.5, region: 'eu-west' }, limits: { installsMax: 3 } },
  ),
  customer: fc.constant({ id: 'cust_1', name: 'Müller & Söhne 😀' }),
  version: fc.constantFrom('1.0.0', '2.0.0-rc.1'),
  channel: fc.constantFrom(undefined, 'beta'),
  request: fc.record({
    method: fc.constantFrom('GET', 'POST'),
    path: fc.constantFrom('/', '/api/Status', '/api/actions/a/run'),
    routeClass: fc.constantFrom('read' as const, 'mutate' as const),
    address: fc.constant('10.0.0.1'),
  }),
});

const text = fc.constantFrom(
  'plan.slug',
  'version',
  'channel',
  'customer.name',
  'request.method',
  'request.path',
  '"pro"',
  '"/api"',
  '"é"',
  'plan.entitlements.region',
  '(plan.slug + version)',
);
const number = fc.constantFrom(
  '5',
  '4.5',
  '-1',
  '0',
  'plan.entitlements.seats',
  'plan.entitlements.share',
  'size(version)',
  '(7 % 3)',
  '(5 / 2)',
  '(1 / 0)',
  'plan.entitlements.region',
  '(2 * 3)',
  '(size(version) - 1)',
);
const instant = fc.oneof(
  fc.constantFrom('now', 'licence.starts_at', 'licence.expires_at', 'licence.full_until', 'licence.ends_at'),
  time.map((ms) => `timestamp("${new Date(ms).toISOString()}")`),
  fc.constantFrom('(now + duration("90m"))', '(licence.ends_at - duration("36h"))', '(duration("-1h30m") + now)'),
);
const span = fc.oneof(
  fc.constantFrom('duration("72h")', 'duration("-90m")', 'duration("0s")', '(duration("1h") + duration("30m"))'),
  fc.tuple(instant, instant).map(([a, b]) => `(${a} - ${b})`),
);
const order = fc.constantFrom('<', '<=', '>', '>=', '==', '!=');
const part = fc.constantFrom(
  'getFullYear',
  'getMonth',
  'getDate',
  'getDayOfMonth',
  'getDayOfWeek',
  'getDayOfYear',
  'getHours',
  'getMinutes',
  'getSeconds',
  'getMilliseconds',
);
const zone = fc.constantFrom('', '"Europe/Berlin"', '"America/St_Johns"', '"Asia/Kathmandu"', '"UTC"');
const join = (parts: readonly string[]): string => parts.join(' ');
const atom = fc.oneof(
  fc.tuple(text, order, text).map(join),
  fc.tuple(number, order, number).map(join),
  fc.tuple(instant, order, instant).map(join),
  fc.tuple(span, fc.constantFrom('<', '<=', '>', '>='), span).map(join),
  fc.tuple(text, fc.constantFrom('startsWith', 'endsWith', 'contains'), text).map(([a, f, b]) => `${a}.${f}(${b})`),
  fc
    .tuple(text, fc.constantFrom('^/api', 'r[aeiou]n$', '^[0-9.]+$', '(?i)STATUS', 'ü.*😀'))
    .map(([a, p]) => `${a}.matches("${p}")`),
  fc.tuple(instant, part, zone, order, fc.nat(59)).map(([t, p, z, o, n]) => `${t}.${p}(${z}) ${o} ${n}`),
  fc.tuple(text, text, text).map(([a, b, c]) => `${a} in [${b}, ${c}]`),
  fc.tuple(number, number).map(([a, b]) => `${a} in [${b}, 5]`),
  fc
    .tuple(fc.constantFrom('exists', 'all', 'exists_one'), text, text, text)
    .map(([f, a, b, c]) => `[${a}, ${b}].${f}(x, x == ${c})`),
  fc
    .tuple(fc.constantFrom('exists', 'all'), number, number)
    .map(([f, a, b]) => `[0, 1, 5].${f}(x, x < ${a} || x > ${b})`),
  fc.constantFrom(
    'licence.trial',
    'has(plan.entitlements.sso)',
    'has(plan.entitlements.sso) && plan.entitlements.sso',
    'plan.entitlements.sso || licence.trial',
    '"seats" in plan.entitlements',
    '"toString" in plan.entitlements',
    'plan.entitlements.seats == 5',
    'plan.entitlements["share"] == 0.5',
    'plan.entitlements.region == 5',
    'size(plan.entitlements) == 4',
    'customer.name.size() == 16',
    '[1, 2, 3][1] == 2',
    '[1, 2, 3][3] == 2',
    '(licence.trial ? plan.slug : version) == "pro"',
    'plan.limits.installsMax * 2.0 == 6.0',
    '-plan.limits.installsMax < 0',
  ),
);
const expression = fc.letrec<{ node: string }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    atom,
    fc.tuple(tie('node'), tie('node')).map(([a, b]) => `(${a} && ${b})`),
    fc.tuple(tie('node'), tie('node')).map(([a, b]) => `(${a} || ${b})`),
    tie('node').map((a) => `!(${a})`),
    fc.tuple(tie('node'), tie('node'), tie('node')).map(([a, b, c]) => `(${a} ? ${b} : ${c})`),
  ),
})).node;

/** Operators in a row without a bracket: how they group is the question. */
const row = fc
  .tuple(
    fc.array(
      fc.tuple(
        fc.constantFrom(
          '1',
          '2.5',
          'true',
          'plan.slug',
          'licence.trial',
          'size(version)',
          '[true, false]',
          '"pro"',
          '-1',
        ),
        fc.constantFrom('==', '!=', '<', '<=', '>', '>=', '+', '-', '*', '&&', '||'),
      ),
      { minLength: 1, maxLength: 4 },
    ),
    fc.constantFrom('2', 'true', 'in [true]', 'in [1, 2]'),
  )
  .map(([pairs, last]) =>
    (last.startsWith('in') ? [...pairs.flat().slice(0, -1), last] : [...pairs.flat(), last]).join(' '),
  );

/** What the other implementation says, its instants written out. */
function peer(when: string, facts: DecisionInput, now: number): boolean | 'error' {
  const { startsAtMs, expiresAtMs, fullUntilMs, endsAtMs } = timelineOf(facts.licence);
  const instants: Record<string, number> = {
    now,
    'licence.starts_at': startsAtMs,
    'licence.expires_at': expiresAtMs,
    'licence.full_until': fullUntilMs,
    'licence.ends_at': endsAtMs,
  };
  const written = when.replace(
    /\bnow\b|\blicence\.(?:starts_at|expires_at|full_until|ends_at)/g,
    (name) => `timestamp("${new Date(instants[name] ?? 0).toISOString()}")`,
  );
  const result = run(written, {
    licence: { trial: facts.licence.trial },
    plan: { ...facts.plan, limits: facts.plan.limits as Record<string, number> },
    customer: facts.customer,
    version: facts.version,
    channel: facts.channel ?? '',
    request: { method: facts.request.method, path: facts.request.path },
  });
  return isCelError(result) ? 'error' : (result as boolean);
}

function ours(program: Program, facts: DecisionInput, now: number): boolean | 'error' {
  try {
    return program.test(variablesOfInput(facts, timelineOf(facts.licence), now));
  } catch {
    return 'error';
  }
}

/** The generator is blind to types: what could not be saved is left out. */
function compiled(when: string): Program {
  try {
    return compileExpression(when);
  } catch (error) {
    fc.pre(!(error instanceof ExpressionError));
    throw error;
  }
}

/** The other implementation is slow. */
const patient = { timeout: 300_000 };

describe('an expression', () => {
  it('means what it means elsewhere', patient, () => {
    fc.assert(
      fc.property(expression, input, time, (when, facts, now) => {
        expect([when, ours(compiled(when), facts, now)]).toEqual([when, peer(when, facts, now)]);
      }),
      { numRuns: 700 },
    );
  });

  it('is grouped as it is elsewhere, or refused', patient, () => {
    const [facts] = fc.sample(input, { numRuns: 1, seed: 1 });
    let accepted = 0;
    fc.assert(
      fc.property(row, (when) => {
        const program = compiled(when);
        accepted++;
        expect([when, ours(program, facts as DecisionInput, base)]).toEqual([
          when,
          peer(when, facts as DecisionInput, base),
        ]);
      }),
      { numRuns: 150, maxSkipsPerRun: 1_000 },
    );
    expect(accepted).toBeGreaterThanOrEqual(150);
  });
});
