import type { PlanStep, ProgressNode, RunPlan } from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import { deepOf, mergeVars, unsetVars, type Vars } from '@nm/kernel/kamafile';
import type { Doing, InstallAccess, Job, RunDoor } from '../src/installs/install-access.js';
import type { DocumentStore, Remembered } from '../src/installs/operation-states.js';
import { clusterReader } from '../src/installs/read-cluster.js';
import { openKamafile } from '../src/installs/read-kamafile.js';
import type { MemoryCluster } from '../src/own/memory-cluster.js';
import { mergePatched } from '../src/own/merge-patch.js';

type Json = Record<string, unknown>;

/** refusesWord is an admission rule: no manifest may hold the word. */
export const refusesWord = (manifest: object): string | undefined =>
  JSON.stringify(manifest).includes('"refused"') ? 'The value "refused" is not allowed.' : undefined;

/** perform does to a cluster in memory what the run engine does to a real one, as far as plans of a KAMA go. */
function perform(cluster: MemoryCluster, step: PlanStep): void {
  switch (step.kind) {
    case 'group':
      for (const each of step.steps as PlanStep[]) perform(cluster, each);
      break;
    case 'apply':
      for (const manifest of step.manifests) {
        if (manifest.metadata.name === 'explodes') throw new Error('the API server refuses it');
        const known = cluster.find(manifest.kind, manifest.metadata.name);
        cluster.put({ ...known, ...manifest } as never);
      }
      break;
    case 'patch': {
      const known = cluster.find(step.ref.kind, step.ref.name);
      if (!known) throw new Fault('not_found', { public: `There is no ${step.ref.kind} ${step.ref.name}.` });
      cluster.put(mergePatched(known as Json, step.patch as Json) as never);
      break;
    }
    case 'variables': {
      const map = cluster.find('ConfigMap', 'kamafile') as unknown as { data: Record<string, string> };
      const space = JSON.parse(map.data[step.space] ?? '{}') as Record<string, Json>;
      const level = step.level === 'publisher_injection_vars' ? 'vendor_injection_vars' : step.level;
      const before = space[level] ?? {};
      const after = step.merge
        ? mergeVars(before as Vars, deepOf(step.merge))
        : step.unset
          ? unsetVars(before as Vars, step.unset)
          : (step.set as Json);
      cluster.put({
        ...map,
        data: { ...map.data, [step.space]: JSON.stringify({ ...space, [level]: after }) },
      } as never);
      break;
    }
    default:
      break;
  }
}

class MemoryRuns implements RunDoor {
  readonly #jobs = new Map<string, Job & { readonly doing: Doing }>();

  constructor(private readonly cluster: MemoryCluster) {}

  start({ action, title, plan }: { action: string; title: string; plan: RunPlan }): Promise<string> {
    const id = `run_${this.#jobs.size + 1}`;
    const node: ProgressNode = { id, title, info: null, status: 'positive', sub_items: [], logs: [], error: null };
    try {
      for (const step of plan.steps) perform(this.cluster, step);
    } catch (error) {
      node.status = 'negative';
      node.error = {
        code: 'kube_api',
        type: 'Invalid',
        reason: String(error),
        fatal: true,
        object: 'ConfigMap explodes',
      };
    }
    const status = node.status === 'positive' ? 'positive' : 'negative';
    const doing = { id, type: action, name: title, status, occurred_at: '2026-01-01T00:00:00.000Z' };
    this.#jobs.set(id, { status, progress: node, result: node.error, doing });
    return Promise.resolve(id);
  }

  job(id: string): Promise<Job> {
    const found = this.#jobs.get(id);
    if (!found) return Promise.reject(new Fault('not_found', { public: 'There is no such job.' }));
    const { doing: _, ...job } = found;
    return Promise.resolve(structuredClone(job));
  }

  list(action?: string): Promise<Doing[]> {
    const all = [...this.#jobs.values()].map(({ doing }) => doing).reverse();
    return Promise.resolve(all.filter(({ type }) => action === undefined || type === action));
  }
}

class MemoryDocuments implements DocumentStore {
  readonly #kept = new Map<string, Remembered>();

  read(name: string): Promise<Remembered> {
    const found = this.#kept.get(name);
    return found ? Promise.resolve(structuredClone(found)) : Promise.reject(new Fault('not_found'));
  }

  write(name: string, value: Json, revision?: number): Promise<void> {
    const now = this.#kept.get(name)?.revision ?? 0;
    if (revision !== undefined && revision !== now) return Promise.reject(new Fault('conflict'));
    this.#kept.set(name, { revision: now + 1, value: structuredClone(value) });
    return Promise.resolve();
  }
}

/** memoryInstall is an install whose cluster, runs and documents are in this process: each request opens it anew. */
export function memoryInstall(cluster: MemoryCluster, namespace: string) {
  const [runs, documents, session] = [new MemoryRuns(cluster), new MemoryDocuments(), cluster.session()];
  return (mayWrite: boolean, signal: AbortSignal): InstallAccess => ({
    ...{ id: 'ins_memory', namespace, mayWrite, runs, documents },
    kamafile: openKamafile(session, namespace, signal),
    cluster: clusterReader(session, namespace),
    engines: {},
  });
}
