import { enableCompileCache } from 'node:module';
import { parseArgs } from 'node:util';
import type { Finding } from '@nm/kama-sdk';
import { isFault } from '@nm/kernel/fault';

// Somebody waits for a KAMA that starts: what was compiled once is kept below TMPDIR, where that can be written. So nothing large is imported before.
enableCompileCache();

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
  const { run } = await import('./commands/run.js');
  const code = await run(positionals, values);
  if (code !== undefined) process.exitCode = code;
} catch (error) {
  const findings = isFault(error) ? (error.extra['findings'] as readonly Finding[] | undefined) : undefined;
  const { formatFinding } = await import('@nm/kama-sdk');
  for (const finding of findings ?? []) console.error(formatFinding(finding));
  console.error(
    isFault(error) ? error.publicMessage : error instanceof Error && 'code' in error ? error.message : error,
  );
  process.exit(isUsage(error) ? 2 : 1);
}

function isUsage(error: unknown): boolean {
  return error instanceof Error && String((error as { code?: string }).code).startsWith('ERR_PARSE_ARGS');
}
