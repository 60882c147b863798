import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Build } from '../build/ensure-built.ts';
import { KubelabError } from '../errors.ts';
import { endOf, type ProcessRef, processRef } from '../process-ref.ts';
import { bringUp, serverUrl, takeDown } from './bring-up.ts';
import { logTail, superviseChildren } from './children.ts';
import type { Plan } from './components.ts';
import { claimPorts } from './ports.ts';
import { type ClusterState, type Mode, removeState, wipe, writeState } from './state.ts';

/** What a supervisor is asked to run. */
export interface ClusterRequest {
  readonly name: string;
  readonly dir: string;
  readonly mode: Mode;
  readonly build: Build;
  readonly owner: ProcessRef | null;
  readonly ephemeral: boolean;
  readonly audit: boolean;
}

/** What a supervisor tells the process that started it. */
export type SupervisorReport =
  | { readonly kind: 'step'; readonly step: string }
  | { readonly kind: 'ready'; readonly state: ClusterState }
  | { readonly kind: 'failed'; readonly message: string };

/** Reason of an end that somebody wanted. */
class Ended extends Error {}

/**
 * Runs one cluster until SIGTERM, the owner's end or the end of a component, then takes everything down. The process that calls this is the
 * cluster's only parent: whatever happens to it, its children don't outlive it.
 * @returns exit code for the process.
 */
export async function supervise(
  request: ClusterRequest,
  report: (message: SupervisorReport) => void,
  startedBy: AbortSignal,
): Promise<number> {
  const { dir, mode, build, audit } = request;
  const self = processRef(process.pid);
  if (!self) throw new Error('no /proc');
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const ending = new AbortController();
  const end = (reason: Error) => ending.abort(reason);
  for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const)
    process.on(name, () => end(new Ended(`asked to stop (${name})`)));
  startedBy.addEventListener('abort', () => end(new Ended('the starting process went away')));
  if (request.owner) endOf(request.owner).addEventListener('abort', () => end(new Ended('the owner ended')));

  const children = superviseChildren({
    dir,
    tether: join(build.bin, 'tether'),
    onUnexpectedEnd: (name, reason) =>
      end(new KubelabError(`${name} ended unexpectedly (${reason}): ${logTail(dir, name)}`)),
  });
  const { ports, lock } = await claimPorts(rememberedBase(dir));
  writeFileSync(join(dir, 'ports.json'), JSON.stringify(ports));
  const plan: Plan = { dir, mode, ports, build, audit };
  const state = (phase: ClusterState['phase'], error?: string): ClusterState => ({
    name: request.name,
    dir,
    mode,
    phase,
    server: serverUrl(plan),
    kubeconfigPath: join(dir, 'admin.kubeconfig'),
    bin: build.bin,
    ports,
    supervisor: self,
    owner: request.owner,
    ephemeral: request.ephemeral,
    startedAt,
    children: children.refs(),
    ...(error ? { error } : {}),
  });
  const startedAt = new Date().toISOString();
  const live = async (): Promise<Error> => {
    writeState(state('starting'));
    await bringUp(plan, children, ending.signal, (step) => report({ kind: 'step', step }));
    writeState(state('ready'));
    report({ kind: 'ready', state: state('ready') });
    return aborted(ending.signal);
  };
  const failure = await live().catch((error: Error) => error);
  report({ kind: 'failed', message: failure.message });
  writeState(state('stopping'));
  await takeDown(plan, children);
  await lock.release();
  const wanted = failure instanceof Ended;
  if (!wanted) writeState(state('failed', failure.message));
  else if (request.ephemeral) wipe(dir);
  else removeState(dir);
  return wanted ? 0 : 1;
}

/** Waits for the abort and returns its reason. */
function aborted(signal: AbortSignal): Promise<Error> {
  return new Promise((resolve) => {
    const give = () => resolve(signal.reason as Error);
    if (signal.aborted) give();
    else signal.addEventListener('abort', give);
  });
}

/** The ports of the last time, so that a kubeconfig that was registered somewhere stays valid over a restart. */
function rememberedBase(dir: string): number | undefined {
  const file = join(dir, 'ports.json');
  if (!existsSync(file)) return undefined;
  try {
    return (JSON.parse(readFileSync(file, 'utf8')) as { api: number }).api;
  } catch {
    return undefined;
  }
}
