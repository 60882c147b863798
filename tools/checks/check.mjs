// `npm run check`: everything that can be judged without running the product, a line a check.
import { spawn } from 'node:child_process';
import { main, projectEnv, root } from '../setup/steps.mjs';

const checks = [
  ['types', 'tsc', '--noEmit', '-p', 'tsconfig.json'],
  ['format and lint (Biome)', 'biome', 'ci', '.'],
  ['promises and sizes (ESLint)', 'eslint', '.', '--max-warnings', '0'],
  [
    'layers (dependency-cruiser)',
    'depcruise',
    'apps',
    'libs',
    'tools',
    'examples',
    'test',
    '--config',
    '.dependency-cruiser.cjs',
  ],
  ['unused code (knip)', 'knip'],
  ['names, doors, docs', 'node', 'tools/checks/conventions.mjs'],
];

function run([title, program, ...args]) {
  const started = performance.now();
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd: root,
      env: { ...projectEnv(), NO_COLOR: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
    child.once('error', (error) => resolve({ title, code: 1, output: error.message, started }));
    child.once('close', (code) => resolve({ title, code, output, started }));
  });
}

await main(async () => {
  let failed = 0;
  // Two at a time: the machine that CI has.
  const queue = [...checks];
  const worker = async () => {
    for (let check = queue.shift(); check; check = queue.shift()) {
      const { title, code, output, started } = await run(check);
      console.log(`  ${code === 0 ? '✓' : '✗'} ${title}  ${((performance.now() - started) / 1000).toFixed(1)} s`);
      if (code !== 0) {
        failed++;
        console.log(output.trimEnd().replace(/^/gm, '    '));
      }
    }
  };
  await Promise.all([worker(), worker()]);
  return failed === 0 ? 0 : 1;
});
