import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { ResultReporter } from './tools/checks/result-reporter.js';

const root = fileURLToPath(new URL('.', import.meta.url));
const alias = [{ find: /^@nm\/(.*)$/, replacement: `${root}libs/$1/index.ts` }];
const common = {
  alias,
  testTimeout: 30_000,
  hookTimeout: 120_000,
  pool: 'forks' as const,
  // Vitest gives up after a second, which is nothing on a machine with other work.
  expect: { poll: { timeout: 20_000 } },
};

/**
 * Rings of tests by file name: `unit` does no I/O, `int` has one real server, `cluster` a real Kubernetes, `node` a real kubelet (one a
 * machine, so these files run one after the other, after everything else), `e2e` whole apps.
 */
export default defineConfig({
  test: {
    passWithNoTests: true,
    maxWorkers: 2,
    reporters: ['default', new ResultReporter()],
    exclude: ['node_modules/**', 'dist/**', '.nmachine/**'],
    projects: [
      {
        test: {
          ...common,
          name: 'unit',
          include: ['{apps,libs,tools,test,examples}/**/*.spec.ts'],
          exclude: ['**/*.{int,cluster,e2e}.spec.ts', 'node_modules/**', 'dist/**'],
        },
      },
      {
        test: {
          ...common,
          name: 'int',
          include: ['{apps,libs,tools,test,examples}/**/*.int.spec.ts'],
          globalSetup: ['libs/testing/postgres.setup.ts'],
        },
      },
      {
        test: {
          ...common,
          name: 'cluster',
          include: ['{apps,libs,tools,test,examples}/**/*.cluster.spec.ts'],
          exclude: ['**/*-node.cluster.spec.ts', 'node_modules/**', 'dist/**'],
          globalSetup: ['libs/testing/postgres.setup.ts', 'libs/testing/kubernetes.setup.ts'],
          testTimeout: 120_000,
        },
      },
      {
        test: {
          ...common,
          name: 'node',
          include: ['{apps,libs,tools,test,examples}/**/*-node.cluster.spec.ts'],
          globalSetup: ['libs/testing/postgres.setup.ts'],
          testTimeout: 120_000,
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          ...common,
          name: 'e2e',
          include: ['{apps,test}/**/*.e2e.spec.ts'],
          globalSetup: ['libs/testing/postgres.setup.ts', 'libs/testing/kubernetes.setup.ts'],
          testTimeout: 120_000,
        },
      },
    ],
  },
});
