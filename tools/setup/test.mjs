// `npm test [-- vitest arguments]`: checks, then every test ring that this machine can run; what it cannot is listed as skipped, by name.
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { handOver, home, main, prepare } from './steps.mjs';

/** More files than this failing at once is not a matter of load. */
const SECOND_LOOK_FILES_MAX = 8;

await main(async () => {
  await prepare();
  const filters = process.argv.slice(2);
  const checks = filters.length === 0 ? await handOver('node', ['tools/checks/check.mjs']) : 0;
  const run = await vitest(filters);
  const again = filters.length === 0 ? await secondLook(run) : undefined;
  report(run, again);
  const testsFailed = again?.ok ? 0 : Math.max(run.failed, run.ok ? 0 : 1);
  const failed = testsFailed + (checks === 0 ? 0 : 1);
  if (checks !== 0) console.log('\nThe checks failed (npm run check).');
  console.log(`\n${run.passed + (again?.ok ? run.failed : 0)} passed, ${failed} failed, ${run.skipped} skipped`);
  return failed === 0 ? 0 : 1;
});

async function vitest(filters) {
  const resultFile = join(home, 'logs', 'test-result.json');
  rmSync(resultFile, { force: true });
  const code = await handOver(
    'node',
    ['--disable-warning=ExperimentalWarning', 'node_modules/vitest/vitest.mjs', 'run', ...filters],
    { NM_TEST_RESULT: resultFile },
  );
  try {
    const result = JSON.parse(readFileSync(resultFile, 'utf8'));
    return { ...result, ok: code === 0 && result.failed === 0 };
  } catch {
    console.error('The test run ended without a result.');
    return { passed: 0, failed: 1, skipped: 0, skippedSuites: [], failures: [], ok: false };
  }
}

/**
 * Runs the few files that failed once more, alone: what passes then failed because of what ran beside it (load, a port), and is named in
 * the report as a test to repair. Anything that fails again, or outside of a test, stays a failure.
 */
async function secondLook(run) {
  const files = [...new Set(run.failures.map((failure) => failure.file))];
  if (run.ok || files.length === 0 || files.length > SECOND_LOOK_FILES_MAX || files.includes('')) return undefined;
  console.log(`\nA second look, alone, at what failed: ${files.join(', ')}`);
  return vitest(files);
}

function report(run, again) {
  if (run.skippedSuites.length) {
    console.log('\nSkipped here, and what would enable it:');
    for (const name of run.skippedSuites) console.log(`  - ${name}`);
  }
  if (!run.failures.length) return;
  console.log(again?.ok ? '\nFailed in the whole run and passed alone (repair these tests):' : '\nFailed:');
  for (const { file, name, message } of again && !again.ok ? again.failures : run.failures)
    console.log(`  - ${file}: ${name}: ${message}`);
}
