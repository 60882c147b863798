import { parseArgs } from 'node:util';
import { ensureBuilt } from '../build/ensure-built.ts';
import { progressPrinter } from '../build/progress.ts';
import { KubelabError } from '../errors.ts';

/** `kubelab build`: prints the folder of the programs. */
export async function build(args: string[]): Promise<number> {
  const { values } = parseArgs({ args, options: { helm: { type: 'boolean' }, nice: { type: 'boolean' } } });
  const { bin } = await ensureBuilt({
    onProgress: progressPrinter(),
    signal: interruption(),
    helm: values.helm,
    lowPriority: values.nice,
  });
  process.stdout.write(`${bin}\n`);
  return 0;
}

/** Aborts on Ctrl-C and SIGTERM, so that a half-done build also ends its `go`. */
export function interruption(): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(name, () => controller.abort(new KubelabError('Interrupted.', { exitCode: 130 })));
  return controller.signal;
}
