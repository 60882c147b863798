import type { AccessQuestion, ApiResource } from '@nm/adapters/k8kat';
import type { ObjectRef, RunPlan } from '@nm/kernel/contracts';
import { Fault, isFault } from '@nm/kernel/fault';
import { refOfManifest } from '../plan/plan-issue.js';
import { type PlanNode, planNodes } from '../plan/plan-nodes.js';
import { leaves } from '../steps/condition.js';
import { needsOfStep } from '../steps/kinds.js';
import type { NeedList } from '../steps/step-kind.js';

/** One permission that a plan needs. */
export interface Need {
  readonly question: AccessQuestion;
  /** Needed only while this object does not exist. */
  readonly unlessPresent?: ObjectRef;
  /** The steps that need it, by their places in the plan. */
  readonly paths: readonly string[];
}

/** KindLookup finds how a kind is served, as a session's discovery does. */
export type KindLookup = (apiVersion: string, kind: string) => Promise<ApiResource>;

/**
 * planNeeds lists every permission that a plan needs on the cluster, each once; what conditions look at and what undo steps do included.
 * @param namespace of objects that name none
 * @param isDone tells which steps need nothing any more
 * @throws what the lookup throws for a kind that the cluster does not serve and the plan does not define
 */
export async function planNeeds(
  plan: RunPlan,
  namespace: string,
  lookup: KindLookup,
  isDone: (position: number) => boolean = () => false,
): Promise<Need[]> {
  const list = new PlanNeeds(namespace, definedKinds(plan), lookup);
  await collect(plan, list, isDone);
  return list.all();
}

/** What other actions need that the plan runs is asked with it: they must not stop half-way either. */
async function collect(
  plan: RunPlan,
  list: PlanNeeds,
  isDone: (position: number) => boolean,
  prefix = '',
): Promise<void> {
  const nodes = planNodes(plan);
  for (const node of nodes) {
    if (isDone(node.position)) continue;
    const path = `${prefix}${node.path}`;
    list.speakOf(path);
    try {
      await conditionNeeds(node, list);
      if (node.role !== 'group') await needsOfStep(node.step, list);
      if (node.step.kind === 'restore') await restoreNeeds(nodes[node.parent ?? -1], list);
    } catch (error) {
      throw inPlace(error, path);
    }
    if (node.step.kind === 'run-action') await collect(node.step.plan, list, () => false, `${path}.plan.`);
  }
}

/** What a step has made is deleted; the rest is what the step itself needed. */
async function restoreNeeds(undone: PlanNode | undefined, list: PlanNeeds): Promise<void> {
  if (undone?.role !== 'work') return;
  await needsOfStep(undone.step, list);
  if (undone.step.kind !== 'apply') return;
  for (const ref of undone.step.manifests.map(refOfManifest)) await list.object(ref, ['delete']);
}

/** A kind that the cluster does not serve is a fault of the plan, and has its place there. */
function inPlace(error: unknown, path: string): unknown {
  if (!isFault(error) || error.extra['reason'] !== 'NoKindMatch') return error;
  const issues = [{ path, message: error.publicMessage }];
  return new Fault(error.code, {
    public: `${path}: ${error.publicMessage}`,
    cause: error,
    extra: { ...error.extra, issues },
  });
}

async function conditionNeeds(node: PlanNode, list: PlanNeeds): Promise<void> {
  if (!('when' in node.step) || !node.step.when) return;
  for (const { condition } of leaves(node.step.when, ''))
    if ('object' in condition) await list.object(condition.object, ['get']);
}

class PlanNeeds implements NeedList {
  readonly #needs = new Map<string, Need & { readonly paths: string[] }>();
  #path = '';

  constructor(
    private readonly namespace: string,
    private readonly defined: ReadonlyMap<string, ApiResource>,
    private readonly lookup: KindLookup,
  ) {}

  /** What is added from now on is needed by this step. */
  speakOf(path: string): void {
    this.#path = path;
  }

  all(): Need[] {
    return [...this.#needs.values()];
  }

  async object(
    ref: ObjectRef,
    verbs: readonly string[],
    options: { readonly subresource?: string } = {},
  ): Promise<void> {
    for (const verb of verbs) this.#add(await this.#questionOf(ref, verb, options.subresource));
  }

  async creation(ref: ObjectRef): Promise<void> {
    this.#add(await this.#questionOf(ref, 'create'), ref);
  }

  question({
    namespace = this.namespace,
    ...rest
  }: Omit<AccessQuestion, 'namespace'> & { readonly namespace?: string }): void {
    this.#add({
      verb: rest.verb,
      group: rest.group,
      resource: rest.resource,
      namespace,
      ...(rest.name === undefined ? {} : { name: rest.name }),
    });
  }

  #add(question: AccessQuestion, unlessPresent?: ObjectRef): void {
    const key = JSON.stringify(question);
    const paths = [...new Set([...(this.#needs.get(key)?.paths ?? []), this.#path])];
    this.#needs.set(key, { question, paths, ...(unlessPresent ? { unlessPresent } : {}) });
  }

  async #questionOf(ref: ObjectRef, verb: string, subresource?: string): Promise<AccessQuestion> {
    const { apiVersion, kind, name } = ref;
    const { resource, namespaced } = this.defined.get(`${apiVersion} ${kind}`) ?? (await this.lookup(apiVersion, kind));
    const group = apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';
    // An existing namespace is judged within itself: a Role in it may allow this.
    const inItself = group === '' && resource === 'namespaces' && verb !== 'create';
    const within = namespaced ? (ref.namespace ?? this.namespace) : inItself ? name : undefined;
    return {
      verb,
      group,
      resource: subresource === undefined ? resource : `${resource}/${subresource}`,
      ...(within === undefined ? {} : { namespace: within }),
      ...(name === '' ? {} : { name }),
    };
  }
}

interface Definition {
  readonly group?: string;
  readonly scope?: string;
  readonly names?: { readonly kind?: string; readonly plural?: string };
  readonly versions?: readonly { readonly name?: string }[];
}

/** A plan may define kinds that it then uses; discovery does not know those yet. */
function definedKinds(plan: RunPlan): Map<string, ApiResource> {
  const kinds = new Map<string, ApiResource>();
  for (const { step } of planNodes(plan)) {
    if (step.kind === 'run-action') for (const [kind, resource] of definedKinds(step.plan)) kinds.set(kind, resource);
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
