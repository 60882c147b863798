import { writeFileSync } from 'node:fs';
import type { Reporter, TestModule } from 'vitest/node';

/**
 * ResultReporter writes, for the lines that close `npm test`: the counts, the names of skipped suites, and of each failure its file, name
 * and first line (in a long run the details are far above).
 */
export class ResultReporter implements Reporter {
  onTestRunEnd(modules: ReadonlyArray<TestModule>, unhandledErrors: ReadonlyArray<unknown>): void {
    const file = process.env['NM_TEST_RESULT'];
    if (!file) return;
    let passed = 0;
    let failed = unhandledErrors.length;
    let skipped = 0;
    const skippedSuites = new Set<string>();
    const failures = unhandledErrors.map((error) => ({
      file: '',
      name: 'an error that no test caught',
      message: firstLine(error),
    }));
    for (const module of modules) {
      // A file that fails to load or whose hooks fail has no failed test of its own.
      let failedHere = 0;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === 'passed') passed++;
        else if (state === 'failed') {
          failedHere++;
          failures.push({
            file: module.relativeModuleId,
            name: test.fullName,
            message: firstLine(test.result().errors?.[0]),
          });
        } else {
          skipped++;
          const suite = test.parent.type === 'suite' ? test.parent.fullName : test.fullName;
          skippedSuites.add(`${module.relativeModuleId}: ${suite}`);
        }
      }
      if (module.state() === 'failed' && failedHere === 0) {
        failedHere = 1;
        const hooks = [...module.children.allSuites()].flatMap((suite) => suite.errors());
        failures.push({
          file: module.relativeModuleId,
          name: 'the file itself',
          message: firstLine(module.errors()[0] ?? hooks[0]),
        });
      }
      failed += failedHere;
    }
    writeFileSync(file, JSON.stringify({ passed, failed, skipped, skippedSuites: [...skippedSuites], failures }));
  }
}

function firstLine(error: unknown): string {
  const text = error instanceof Object && 'message' in error ? String(error.message) : String(error ?? '');
  return text.split('\n', 1)[0]?.slice(0, 300) ?? '';
}
