// npm run mutate -- licensing|proxy [--tests name,name] [file …]: changes the code in small ways and tells which changes no test notices (StrykerJS).
// With --tests only those spec files judge: quicker, and what lives then may still be noticed by another one, so the score is at least what is printed.
// What did not change since the last run is taken from it (node_modules/.cache/mutate). Exits 1 below a score of 85.
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Stryker } from '@stryker-mutator/core';

const root = fileURLToPath(new URL('../..', import.meta.url));
process.chdir(root);

const headers = ['headers', 'field-lines', 'via'];
const framing = [
  'parse-head',
  'message-head',
  'copy-fields',
  'chunked-decoder',
  'chunk-extension',
  'body-reader',
  'request-line',
  'trailers',
  'answer-head',
  'field-kinds',
  'known-heads',
  'request-head',
  'proxy-protocol',
];
/** Each area: where its tests are, and what is changed. */
const areas = {
  licensing: {
    folder: 'kernel/licensing',
    mutate: ['libs/kernel/licensing/**/*.ts', '!**/*.spec.ts', '!**/test/**', '!**/index.ts'],
  },
  proxy: {
    folder: 'adapters/proxy',
    mutate: [
      ...headers.map((name) => `libs/adapters/proxy/${name}.ts`),
      ...framing.map((name) => `libs/adapters/proxy/net/${name}.ts`),
    ],
  },
};

const { values, positionals } = parseArgs({ allowPositionals: true, options: { tests: { type: 'string' } } });
const [name = '', ...files] = positionals;
const area = areas[name];
if (!area) {
  console.error('npm run mutate -- licensing|proxy [--tests name,name] [file …]');
  process.exit(2);
}
process.env.NM_MUTATE_AREA = area.folder;
process.env.NM_MUTATE_TESTS = values.tests ?? '*';
const cache = `${root}node_modules/.cache/mutate`;
mkdirSync(cache, { recursive: true });

await new Stryker({
  testRunner: 'vitest',
  plugins: ['@stryker-mutator/vitest-runner'],
  vitest: { configFile: 'tools/mutate/vitest.config.ts', related: false },
  coverageAnalysis: 'perTest',
  // Tables that are made when a module loads cannot be switched in a running process.
  ignoreStatic: true,
  mutate: files.length > 0 ? files : area.mutate,
  // The sandbox holds what the tests read, and no more.
  ignorePatterns: [
    '**',
    '!libs/**',
    '!docs/**',
    '!tools/mutate/**',
    '!package.json',
    '!tsconfig*.json',
    'libs/adapters/db/generated',
  ],
  incremental: true,
  incrementalFile: `${cache}/${name}.json`,
  thresholds: { high: 95, low: 85, break: 85 },
  reporters: ['clear-text', 'json'],
  jsonReporter: { fileName: `${cache}/${name}.report.json` },
  clearTextReporter: { allowColor: false, logTests: false, reportTests: false, allowEmojis: false },
  tempDirName: 'node_modules/.cache/mutate/sandbox',
  concurrency: Number(process.env.MUTATE_CONCURRENCY ?? 1),
  timeoutMS: 20_000,
  dryRunTimeoutMinutes: 15,
  checkers: [],
  logLevel: 'warn',
  allowEmpty: false,
}).runMutationTest();
