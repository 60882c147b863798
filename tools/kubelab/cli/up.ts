import { parseArgs } from 'node:util';
import { ensureBuilt } from '../build/ensure-built.ts';
import { progressPrinter } from '../build/progress.ts';
import { down } from '../cluster/down.ts';
import { up as startCluster } from '../cluster/up.ts';
import { KubelabError } from '../errors.ts';
import { clusterDir } from '../paths.ts';
import { endOf, isAlive, type ProcessRef, processRef } from '../process-ref.ts';
import { interruption } from './build.ts';
import { describe } from './status.ts';

const OPTIONS = {
  name: { type: 'string', default: 'default' },
  node: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  attach: { type: 'boolean', default: false },
  'owner-pid': { type: 'string' },
  ephemeral: { type: 'boolean', default: false },
  audit: { type: 'boolean', default: false },
  nice: { type: 'boolean', default: false },
} as const;

/** `kubelab up` */
export async function up(args: string[]): Promise<number> {
  const { values } = parseArgs({ args, options: OPTIONS });
  const dir = clusterDir(values.name);
  const owner = ownerOf(values);
  const stop = owner ? AbortSignal.any([interruption(), endOf(owner)]) : interruption();
  const began = performance.now();
  const build = await ensureBuilt({ onProgress: progressPrinter(), signal: stop, lowPriority: values.nice });
  if (stop.aborted) return 130;
  const step = (text: string) =>
    process.stderr.write(`kubelab: ${text} after ${((performance.now() - began) / 1000).toFixed(1)}s\n`);
  const mode = values.node ? 'node' : 'kwok';
  const { name, ephemeral, audit } = values;
  const start = startCluster({ name, dir, mode, build, owner, ephemeral, audit, onStep: step });
  // Without this process the half-started cluster ends by itself.
  stop.addEventListener('abort', () => void (values.attach ? undefined : process.exit(130)));
  const { state, started } = await start;
  process.stdout.write(values.json ? `${JSON.stringify({ ...state, started })}\n` : describe(state));
  if (!values.attach) return 0;
  if (!started)
    throw new KubelabError(`The cluster ${values.name} was running already: --attach is for the one who starts it.`);
  await untilAborted(stop, state.supervisor);
  await down(dir);
  return 0;
}

function ownerOf(values: { attach: boolean; 'owner-pid'?: string }): ProcessRef | null {
  const pid = values['owner-pid'] ? Number(values['owner-pid']) : values.attach ? process.pid : undefined;
  if (pid === undefined) return null;
  const owner = processRef(pid);
  if (!owner) throw new KubelabError(`There is no process ${pid} that could own the cluster.`, { exitCode: 2 });
  return owner;
}

async function untilAborted(stop: AbortSignal, supervisor: ProcessRef): Promise<void> {
  while (!stop.aborted && isAlive(supervisor)) await new Promise((resolve) => setTimeout(resolve, 200));
}
