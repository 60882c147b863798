import type { AccessQuestion, ApiResource } from '@nm/adapters/k8kat';
import type { ObjectRef, PlanStep, RunPlan } from '@nm/kernel/contracts';
import { refOfManifest } from '../check-plan.js';

/** One permission that a plan needs. */
export interface Need {
  readonly question: AccessQuestion;
  /** Needed only while this object does not exist. */
  readonly unlessPresent?: ObjectRef;
}

/** KindLookup finds how a kind is served, as a session's discovery does. */
export type KindLookup = (apiVersion: string, kind: string) => Promise<ApiResource>;

/** What a step does to an object, in the verbs of the API. Server-side apply patches, and creates what is absent; we read first. */
const verbsOf: Readonly<Record<'apply' | 'await' | 'delete', readonly string[]>> = {
  apply: ['get', 'patch', 'create'],
  await: ['get'],
  delete: ['get', 'delete'],
};

/**
 * planNeeds lists every permission that a plan needs on the cluster, each once.
 * @param namespace of objects that name none
 * @throws what the lookup throws for a kind that the cluster does not serve and the plan does not define
 */
export async function planNeeds(plan: RunPlan, namespace: string, lookup: KindLookup): Promise<Need[]> {
  const defined = definedKinds(plan);
  const find: KindLookup = async (apiVersion, kind) =>
    defined.get(`${apiVersion} ${kind}`) ?? (await lookup(apiVersion, kind));
  const needs = new Map<string, Need>();
  const need = (question: AccessQuestion, unlessPresent?: ObjectRef) =>
    needs.set(JSON.stringify(question), unlessPresent ? { question, unlessPresent } : { question });
  for (const step of plan.steps) {
    if (step.kind === 'wait-for-http') {
      if (step.service)
        need({ verb: 'get', group: '', resource: 'services/proxy', namespace, name: step.service.name });
      continue;
    }
    for (const ref of refsOf(step)) {
      const { resource, namespaced } = await find(ref.apiVersion, ref.kind);
      const group = groupOf(ref.apiVersion);
      for (const verb of verbsOf[step.kind]) {
        // An existing namespace is judged within itself: a Role in it may allow this.
        const inItself = group === '' && resource === 'namespaces' && verb !== 'create';
        const within = namespaced ? (ref.namespace ?? namespace) : inItself ? ref.name : undefined;
        const place = within === undefined ? {} : { namespace: within };
        need({ verb, group, resource, ...place, name: ref.name }, verb === 'create' ? ref : undefined);
      }
    }
  }
  return [...needs.values()];
}

const refsOf = (step: Exclude<PlanStep, { kind: 'wait-for-http' }>): ObjectRef[] =>
  step.kind === 'apply' ? step.manifests.map(refOfManifest) : step.refs;

const groupOf = (apiVersion: string): string =>
  apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';

interface Definition {
  readonly group?: string;
  readonly scope?: string;
  readonly names?: { readonly kind?: string; readonly plural?: string };
  readonly versions?: readonly { readonly name?: string }[];
}

/** A plan may define kinds that it then uses; discovery does not know those yet. */
function definedKinds(plan: RunPlan): Map<string, ApiResource> {
  const kinds = new Map<string, ApiResource>();
  for (const step of plan.steps) {
    if (step.kind !== 'apply') continue;
    for (const manifest of step.manifests) {
      if (manifest.kind !== 'CustomResourceDefinition') continue;
      const { group, scope, names, versions } = (manifest['spec'] ?? {}) as Definition;
      for (const version of versions ?? []) {
        if (!names?.kind || !names.plural) continue;
        const apiVersion = `${group}/${version.name}`;
        const namespaced = scope !== 'Cluster';
        kinds.set(`${apiVersion} ${names.kind}`, { apiVersion, kind: names.kind, resource: names.plural, namespaced });
      }
    }
  }
  return kinds;
}
