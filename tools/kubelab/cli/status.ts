import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { cleanStale } from '../cluster/down.ts';
import { type ClusterState, isRunning, readState } from '../cluster/state.ts';
import { clusterDir, stateHome } from '../paths.ts';
import { residentMiB } from '../process-ref.ts';

/** `kubelab status`: exit code 3 when the cluster does not run. */
export async function status(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: { name: { type: 'string', default: 'default' }, json: { type: 'boolean' } },
  });
  const state = await currentState(clusterDir(values.name));
  if (values.json) process.stdout.write(`${JSON.stringify(state ?? { name: values.name, phase: 'stopped' })}\n`);
  else process.stdout.write(state ? describe(state) : `${values.name}: stopped\n`);
  return state && isRunning(state) ? 0 : 3;
}

/** `kubelab list` */
export async function list(args: string[]): Promise<number> {
  const { values } = parseArgs({ args, options: { json: { type: 'boolean' } } });
  const states = (await Promise.all(clusterNames().map((name) => currentState(clusterDir(name))))).filter(
    (state) => state !== undefined,
  );
  if (values.json) process.stdout.write(`${JSON.stringify(states)}\n`);
  else
    for (const { name, mode, phase, server } of states) process.stdout.write(`${name}\t${mode}\t${phase}\t${server}\n`);
  return 0;
}

/** Names of all clusters that have a state folder. */
export function clusterNames(): string[] {
  try {
    return readdirSync(stateHome()).filter((name) => existsSync(join(stateHome(), name, 'pki')));
  } catch {
    return [];
  }
}

/** The state for people. */
export function describe(state: ClusterState): string {
  const lines = [`${state.name}: ${state.phase} (${state.mode})`];
  if (state.error) lines.push(`  ${state.error}`, `  logs: ${state.dir}/log`);
  if (isRunning(state)) {
    const parts = Object.entries({ ...state.children, supervisor: state.supervisor }).map(([name, { pid }]) => ({
      name,
      mib: residentMiB(pid),
    }));
    lines.push(`  server: ${state.server}`, `  kubeconfig: ${state.kubeconfigPath}`);
    if (state.owner) lines.push(`  ends with process ${state.owner.pid}`);
    lines.push(
      `  memory: ${parts.reduce((sum, { mib }) => sum + mib, 0)} MiB (${parts.map(({ name, mib }) => `${name} ${mib}`).join(', ')})`,
    );
  }
  return `${lines.join('\n')}\n`;
}

/** The state as it is: one whose supervisor was killed is cleaned away; a failed one stays to be read. */
async function currentState(dir: string): Promise<ClusterState | undefined> {
  const state = readState(dir);
  if (state && (isRunning(state) || state.phase === 'failed')) return state;
  await cleanStale(dir);
  return undefined;
}
