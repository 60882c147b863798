import { parseArgs } from 'node:util';
import { fuzz } from './fuzz-licensing.js';

const { values } = parseArgs({
  options: { cases: { type: 'string', default: '1000000' }, seed: { type: 'string' } },
});
const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed);
console.log(`seed ${seed}`);
const started = performance.now();
const { decisions, codes, routeClasses, mismatches } = fuzz(seed, Number(values.cases));
const seconds = (performance.now() - started) / 1000;

console.log(
  `${decisions} cases in ${seconds.toFixed(1)} s (${Math.round(decisions / seconds)} a second), ${mismatches.length} mismatches`,
);
for (const [code, times] of [...codes, ...routeClasses].sort(([, a], [, b]) => b - a))
  console.log(`  ${code} ${times}`);
for (const { seed: again, what, rules, facts, ask } of mismatches) {
  console.log(`\n  ${what}`);
  for (const rule of rules) console.log(`  rule ${rule}`);
  if (facts) console.log(`  facts ${JSON.stringify(facts)}`);
  if (ask) console.log(`  ask ${JSON.stringify(ask)}`);
  console.log(`  again: npm run fuzz:licensing -- --seed ${again} --cases 1`);
}
process.exitCode = mismatches.length === 0 ? 0 : 1;
