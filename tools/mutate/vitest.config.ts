import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const tests = (process.env.NM_MUTATE_TESTS ?? '*').split(',');
const root = fileURLToPath(new URL('../..', import.meta.url));

/** The tests that judge mutants: those without I/O, less the comparisons with other implementations, which would cost minutes for each; properties are short here. */
export default defineConfig({
  test: {
    alias: [{ find: /^@nm\/(.*)$/, replacement: `${root}libs/$1/index.ts` }],
    root,
    include: tests.map((name) => `libs/${process.env.NM_MUTATE_AREA}/**/${name}.spec.ts`),
    exclude: [
      '**/*.{int,cluster,e2e}.spec.ts',
      '**/fuzz-licensing.spec.ts',
      '**/cel-peer.prop.spec.ts',
      '**/node_modules/**',
    ],
    setupFiles: ['tools/mutate/short-properties.ts'],
    pool: 'threads',
    testTimeout: 60_000,
  },
});
