// `npm test [-- vitest arguments]`: checks, then every test ring that this machine can run; what it cannot is listed as skipped, by name.
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { handOver, home, main, prepare } from './steps.mjs';

await main(async () => {
  await prepare();
  const resultFile = join(home, 'logs', 'test-result.json');
  rmSync(resultFile, { force: true });
  const filters = process.argv.slice(2);
  const checks = filters.length === 0 ? await handOver('node', ['tools/checks/check.mjs']) : 0;
  const code = await handOver(
    'node',
    ['--disable-warning=ExperimentalWarning', 'node_modules/vitest/vitest.mjs', 'run', ...filters],
    { NM_TEST_RESULT: resultFile },
  );
  let counts = { passed: 0, failed: 1, skipped: 0, skippedSuites: [] };
  try {
    counts = JSON.parse(readFileSync(resultFile, 'utf8'));
  } catch {
    console.error('The test run ended without a result.');
  }
  if (counts.skippedSuites.length) {
    console.log('\nSkipped here, and what would enable it:');
    for (const name of counts.skippedSuites) console.log(`  - ${name}`);
  }
  const failed = counts.failed + (checks === 0 ? 0 : 1) + (code !== 0 && counts.failed === 0 ? 1 : 0);
  if (checks !== 0) console.log('\nThe checks failed (npm run check).');
  console.log(`\n${counts.passed} passed, ${failed} failed, ${counts.skipped} skipped`);
  return failed === 0 ? 0 : 1;
});
