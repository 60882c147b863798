// npm run bench:licensing: nanoseconds for one licence decision with three rules, direct and prepared.
// BENCH_ROUNDS (5) and BENCH_SECONDS (0.5) change the length. The last line is one JSON object for scripts.
import { prepare as prepareProject, Stop } from '../setup/steps.mjs';

const rounds = Math.max(1, Number(process.env.BENCH_ROUNDS ?? 5));
const roundMs = Math.max(0.05, Number(process.env.BENCH_SECONDS ?? 0.5)) * 1000;
const licences = 10_000;
const rotated = 256;
const budgetNs = 20_000;

const sets = {
  'no rules': [],
  'three that read the facts': [
    'plan.slug == "free" && channel == "beta"',
    'now >= licence.ends_at && now - licence.ends_at < duration("336h")',
    'version.startsWith("9.") && !has(plan.entitlements.v9)',
  ],
  'one of each kind': [
    'plan.slug == "free" && channel == "beta"',
    'now.getDayOfWeek("Europe/Berlin") == 9',
    'request.route_class == "mutate" && !request.address.inCidr("10.0.0.0/8")',
  ],
  'three that read the request': [
    'request.method in ["PUT", "DELETE"] || request.path.startsWith("/admin/")',
    'request.route_class == "admin" && plan.slug != "pro"',
    '!request.address.inCidr("10.0.0.0/8") && request.path.contains("secret")',
  ],
};

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

const factsOf = (i, nowMs) => ({
  licence: {
    id: `lic_${i}`,
    state: 'active',
    startsAtMs: nowMs - 86_400_000,
    expiresAtMs: nowMs + 86_400_000 + i,
    grace: [{ mode: 'read-only', seconds: 86_400 }],
    trial: i % 3 === 0,
  },
  plan: { slug: i % 2 ? 'pro' : 'team', entitlements: { sso: true, seats: 5 }, limits: { installsMax: 3 } },
  customer: { id: `cust_${i}`, name: 'Acme' },
  version: '1.4.2',
  channel: 'stable',
});

const requestOf = (i) => ({
  method: i % 5 ? 'GET' : 'POST',
  path: `/api/variables/detail/${i % 17}`,
  routeClass: i % 5 ? 'read' : 'mutate',
  address: `10.0.${i % 200}.7`,
});

/** Runs until the round is over. @returns nanoseconds for one call */
function timed(call) {
  let calls = 0;
  const started = performance.now();
  let elapsed = 0;
  while (elapsed < roundMs) {
    for (let i = 0; i < 1000; i++) call(calls++);
    elapsed = performance.now() - started;
  }
  return (elapsed * 1e6) / calls;
}

async function main() {
  await prepareProject();
  const { compileRules, decide, decidePrepared, prepare } = await import('../../dist/libs/kernel/licensing/index.js');
  const nowMs = Date.now();
  const facts = Array.from({ length: licences }, (_, i) => factsOf(i, nowMs));
  const requests = Array.from({ length: rotated }, (_, i) => requestOf(i));
  const rows = [];
  for (const [name, whens] of Object.entries(sets)) {
    const rules = compileRules(whens.map((when, i) => ({ id: `r${i}`, name: when, effect: 'deny', when })));
    const inputs = requests.map((request, i) => ({ ...facts[i * 37], request }));
    const prepared = facts.map((each) => prepare(rules, each));
    const ways = {
      direct: (i) => decide(rules, inputs[i % rotated], nowMs + (i >> 10)),
      prepared: (i) => decidePrepared(prepared[(i % rotated) * 37], requests[i % rotated], nowMs + (i >> 10)),
    };
    for (const [way, call] of Object.entries(ways)) {
      const checked = Array.from({ length: rotated }, (_, i) => call(i).effect);
      if (checked.some((effect) => effect !== 'allow')) throw new Error(`${name}: a rule denies, the figure would lie`);
      timed(call);
      const samples = Array.from({ length: rounds }, () => timed(call));
      rows.push({ rules: name, way, ns: median(samples), min: Math.min(...samples), max: Math.max(...samples) });
    }
  }
  report(rows);
}

function report(rows) {
  const cell = (value) => Math.round(value).toLocaleString('en-US').padStart(9);
  console.log(`${rounds} rounds of ${roundMs} ms each; ${licences} licences, ${rotated} in rotation\n`);
  console.log(`${'rules'.padEnd(30)} ${'way'.padEnd(9)} ${'ns/decision'.padStart(12)}       min       max`);
  for (const { rules, way, ns, min, max } of rows)
    console.log(`${rules.padEnd(30)} ${way.padEnd(9)} ${cell(ns).padStart(12)} ${cell(min)} ${cell(max)}`);
  const goals = rows.map(({ rules, way, ns }) => ({
    name: `${rules}, ${way}`,
    value: Math.round(ns),
    unit: 'ns',
    bar: budgetNs,
    ok: ns <= budgetNs,
  }));
  console.log(JSON.stringify({ bench: 'licensing', rounds, goals }));
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Stop ? error.message : error);
  process.exitCode = 1;
}
