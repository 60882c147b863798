import { parseArgs } from 'node:util';
import { fuzz } from './fuzz-http.js';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '20' },
    cases: { type: 'string' },
    seed: { type: 'string' },
  },
});
const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed);
const until = performance.now() + Number(values.seconds) * 1000;
const cases = values.cases === undefined ? undefined : Number(values.cases);
const result = fuzz(seed, (done) => (cases === undefined ? performance.now() < until : done < cases));

console.log(
  `seed ${seed}: ${result.cases} cases, ${result.accepted} with a message accepted, ${result.findings.length} disagreements`,
);
for (const finding of result.findings) {
  console.log(`\n${finding.kind} ${JSON.stringify(finding.input)}`);
  console.log(`  ours and ${finding.with}: ${finding.what}`);
  console.log(`  again: npm run fuzz:http -- --seed ${finding.seed} --cases 1`);
}
process.exitCode = result.findings.length === 0 ? 0 : 1;
