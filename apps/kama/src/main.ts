import { existsSync } from 'node:fs';
// By its name, since what an older Node lacks must not keep this file from saying so.
import * as nodeModule from 'node:module';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type * as Report from './commands/report.js';
import type * as Run from './commands/run.js';

const [major = 0] = process.versions.node.split('.').map(Number);
if (major < 24) {
  console.error(
    `nmachine-kama needs Node 24 or later, and this is ${process.version}. Where NMachine is installed, node_modules/.bin/node is one.`,
  );
  process.exit(1);
}
const { constants, enableCompileCache } = nodeModule;
const bundle = new URL('../bundle/', import.meta.url);
const bundled = existsSync(new URL('run.js', bundle));
// Somebody waits for a KAMA that starts: what was compiled once is kept, beside the bundle or below TMPDIR. So nothing large is imported before.
if (
  !bundled ||
  enableCompileCache(fileURLToPath(new URL('compiled', bundle))).status === constants.compileCacheStatus.FAILED
)
  enableCompileCache();
const [runFile, reportFile] = bundled
  ? ['../bundle/run.js', '../bundle/report.js']
  : ['./commands/run.js', './commands/report.js'];

try {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      models: { type: 'string' },
      kubeconfig: { type: 'string' },
      'in-cluster': { type: 'boolean' },
      context: { type: 'string' },
      namespace: { type: 'string', short: 'n' },
      prototype: { type: 'boolean' },
      port: { type: 'string' },
      out: { type: 'string', short: 'o' },
      exec: { type: 'string' },
      chart: { type: 'string' },
      cwd: { type: 'string' },
      'allow-args': { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  const { run } = (await import(runFile)) as typeof Run;
  const code = await run(positionals, values);
  if (code !== undefined) process.exitCode = code;
} catch (error) {
  const { report } = (await import(reportFile)) as typeof Report;
  process.exit(report(error));
}
