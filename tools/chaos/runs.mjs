// `npm run chaos:runs [-- --runs 1000 --seconds 900 --seed N --backend redis|postgres]`: runs on a real cluster while their workers, PostgreSQL
// and Redis are killed; the API server's audit log says whether each step's write took effect once. The figures are the line {"storm":"runs",…}.
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { prepare, projectEnv, root } from '../setup/steps.mjs';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '1000' },
    seconds: { type: 'string', default: '900' },
    seed: { type: 'string' },
    backend: { type: 'string', default: 'redis' },
  },
});
for (const name of ['runs', 'seconds', 'seed'])
  if (values[name] !== undefined && !/^[1-9]\d{0,9}$/.test(values[name])) {
    console.error(`--${name} wants a whole number`);
    process.exit(2);
  }
await prepare();
const { status } = spawnSync('vitest', ['run', '--project', 'cluster', 'apps/worker/test/kill-storm.cluster.spec.ts'], {
  cwd: root,
  stdio: 'inherit',
  env: {
    ...projectEnv(),
    NM_STORM_RUNS: values.runs,
    NM_STORM_SECONDS: values.seconds,
    NM_STORM_BACKEND: values.backend,
    ...(values.seed ? { NM_STORM_SEED: values.seed } : {}),
  },
});
process.exit(status ?? 1);
