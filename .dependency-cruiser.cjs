// The layers: apps → features → adapters → kernel. DESIGN §4; every rule was made to fire once.
module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    { name: 'not-resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'apps-stand-alone',
      severity: 'error',
      from: { path: '^apps/([^/]+)/', pathNot: '^apps/devstack/' },
      to: { path: '^apps/', pathNot: '^apps/$1/' },
    },
    { name: 'libs-below-apps', severity: 'error', from: { path: '^libs/' }, to: { path: '^apps/' } },
    {
      name: 'lib-entry-only',
      severity: 'error',
      from: { path: '^(?:apps|test|examples)/|^libs/(kama-sdk|[^/]+/[^/]+)/', pathNot: '^libs/testing/' },
      to: {
        path: '^libs/(?:kama-sdk/|[^/]+/[^/]+/)(?!index\\.ts$)',
        pathNot:
          '^libs/$1/|^libs/testing/|^libs/kernel/licensing/offline/index\\.ts$|^libs/kama-sdk/(define|compile)/index\\.ts$|^libs/features/actions/inline/index\\.ts$',
      },
    },
    {
      name: 'kernel-imports-kernel',
      severity: 'error',
      from: { path: '^libs/kernel/' },
      to: { path: '^libs/(?!kernel/)' },
    },
    {
      name: 'kernel-is-pure',
      severity: 'error',
      from: { path: '^libs/kernel/', pathNot: '\\.spec\\.ts$|/test/' },
      to: {
        dependencyTypes: ['core', 'npm', 'npm-dev'],
        pathNot: [
          'node_modules/zod/',
          'node_modules/@bufbuild/cel/',
          'node_modules/@marcbachmann/cel-js/',
          'node_modules/@bufbuild/re2/',
          '^(node:)?crypto$',
        ],
      },
    },
    {
      name: 'adapters-below-features',
      severity: 'error',
      from: { path: '^libs/adapters/', pathNot: '\\.spec\\.ts$' },
      to: { path: '^libs/(features|testing)/' },
    },
    {
      name: 'kama-sdk-stands-alone',
      severity: 'error',
      from: { path: '^libs/kama-sdk/', pathNot: '\\.spec\\.ts$|/test/' },
      to: { path: '^libs/(features|testing)/' },
    },
    {
      name: 'no-nest-below-features',
      severity: 'error',
      from: { path: '^libs/(kernel|adapters|kama-sdk)/' },
      to: { path: 'node_modules/@nestjs/' },
    },
    {
      name: 'prisma-only-in-db',
      severity: 'error',
      from: { pathNot: '^(libs/adapters/db/|prisma/)' },
      to: { path: 'node_modules/@prisma/|^libs/adapters/db/generated' },
    },
    {
      name: 'testing-only-in-tests',
      severity: 'error',
      from: { pathNot: '(\\.spec\\.ts$|^test/|/test/|^apps/devstack/|^libs/testing/|^tools/bench/|^vitest)' },
      to: { path: '^libs/testing/' },
    },
    {
      name: 'examples-use-no-internals',
      severity: 'error',
      from: { path: '^examples/' },
      // What publishers import as a package.
      to: { path: '^(libs|apps)/', pathNot: '^libs/kama-sdk/define/index\\.ts$' },
    },
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^dist/|^libs/adapters/db/generated/' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
