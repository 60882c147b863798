import { writeFileSync } from 'node:fs';
import type { Reporter, TestModule } from 'vitest/node';

/** ResultReporter writes the counts and the names of skipped suites for the line that closes `npm test`. */
export class ResultReporter implements Reporter {
  onTestRunEnd(modules: ReadonlyArray<TestModule>, unhandledErrors: ReadonlyArray<unknown>): void {
    const file = process.env['NM_TEST_RESULT'];
    if (!file) return;
    let passed = 0;
    let failed = unhandledErrors.length;
    let skipped = 0;
    const skippedSuites = new Set<string>();
    for (const module of modules) {
      // A file that fails to load or whose hooks fail has no failed test of its own.
      let failedHere = 0;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === 'passed') passed++;
        else if (state === 'failed') failedHere++;
        else {
          skipped++;
          const suite = test.parent.type === 'suite' ? test.parent.fullName : test.fullName;
          skippedSuites.add(`${module.relativeModuleId}: ${suite}`);
        }
      }
      if (module.state() === 'failed' && failedHere === 0) failedHere = 1;
      failed += failedHere;
    }
    writeFileSync(file, JSON.stringify({ passed, failed, skipped, skippedSuites: [...skippedSuites] }));
  }
}
