import type { V1Deployment } from '@kubernetes/client-node';
import { Fault } from '@nm/kernel/fault';
import { NamespacedQuery } from '../query/namespaced-query.js';
import { deploymentRollout, type Rollout } from '../state/workload-status.js';
import { patchObject } from '../write/patch-object.js';
import type { Relation } from './kat-context.js';
import type { KindMap } from './kind-map.js';
import type { KindSpec } from './kind-spec.js';
import type { Json } from './kube-json.js';
import { childrenOf, eventsOf, inNamespacesOf } from './relations.js';
import { servicesOfTemplate, Workload } from './workload.js';

const revisionKey = 'deployment.kubernetes.io/revision';
const setsOf = childrenOf('rs', 'replica sets of deployments');

/** By ownership through the replica sets: what another deployment's overlapping selector caught is not ours. */
const podsOf: Relation<Deployment, 'pods'> = {
  to: 'pods',
  words: 'pods of deployments',
  resolve: async (deps, kat) => {
    const namespaces = [...new Set(deps.map(({ ns }) => ns))];
    const sets = await kat
      .query('rs')
      .ns(...namespaces)
      .ownedBy(...deps);
    if (sets.length === 0) return null;
    const owner = new Map(sets.map((set) => [set.uid, set.owner?.uid]));
    return {
      narrow: [inNamespacesOf(deps), { is: 'owner', uids: sets.map(({ uid }) => uid) }],
      holds: (dep, pod) => pod.owners.some(({ uid }) => owner.get(uid) === dep.uid),
    };
  },
};

/** Deployment wraps a deployment. */
export class Deployment extends Workload<Json<V1Deployment>> {
  protected readonly podsRelation = podsOf;

  get rollout(): Rollout {
    return deploymentRollout(this.raw);
  }
  get available(): number {
    return this.raw.status?.availableReplicas ?? 0;
  }
  get revision(): number {
    return Number(this.annotations[revisionKey] ?? 0);
  }

  replicaSets(): KindMap['rs'] {
    return this.related(setsOf);
  }

  /** newPods gives the pods of the newest revision. */
  async newPods() {
    const set = await this.#revision(this.revision);
    return set ? await set.pods() : [];
  }

  pause(): Promise<this> {
    return this.patch({ spec: { paused: true } });
  }
  resume(): Promise<this> {
    return this.patch({ spec: { paused: null } });
  }

  /** undo goes back to the revision before this one, or to a given one. @throws Fault kube_api when there is none */
  async undo(revision?: number): Promise<this> {
    const sets = await this.replicaSets();
    const earlier = sets.filter((set) => set.revision < this.revision).sort((a, b) => b.revision - a.revision);
    const set = revision === undefined ? earlier[0] : sets.find((each) => each.revision === revision);
    const template = structuredClone(set?.raw.spec?.template);
    if (!template)
      throw new Fault('kube_api', {
        public: `${this.sig()} has no ${revision === undefined ? 'earlier revision' : `revision ${revision}`}.`,
        extra: { status: 404, reason: 'NoRevision' },
      });
    delete template.metadata?.labels?.['pod-template-hash'];
    const replace = [{ op: 'replace', path: '/spec/template', value: template }];
    const { session, fieldManager } = this.kat;
    await patchObject(session, this.target(), replace, { type: 'json', fieldManager });
    return (await this.reload()) ?? this;
  }

  /** history gives the revisions that undo can go back to, oldest first. */
  async history(): Promise<readonly { readonly revision: number; readonly images: readonly string[] }[]> {
    const sets = await this.replicaSets();
    return sets.map(({ revision, images }) => ({ revision, images })).sort((a, b) => a.revision - b.revision);
  }

  async #revision(revision: number) {
    return (await this.replicaSets()).find((set) => set.revision === revision);
  }
}

/** DeploymentQuery narrows deployments. */
export class DeploymentQuery extends NamespacedQuery<Deployment, 'pods' | 'svcs' | 'replicaSets' | 'events'> {
  ready(): this {
    return this.refine('ready()', (dep) => dep.isReady);
  }
  pods(): KindMap['pods'] {
    return this.related(podsOf);
  }
  svcs(): KindMap['svcs'] {
    return this.related(servicesOfTemplate);
  }
  events(): KindMap['events'] {
    return this.related(eventsOf);
  }
}

export const deployments: KindSpec<Deployment, DeploymentQuery> = {
  facts: {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    resource: 'deployments',
    namespaced: true,
    aliases: ['deploy', 'dep'],
    serverFields: {},
  },
  wrap: Deployment,
  query: DeploymentQuery,
  relations: { pods: podsOf, svcs: servicesOfTemplate, replicaSets: setsOf, events: eventsOf },
};

declare module './kind-map.js' {
  interface KindMap {
    deps: DeploymentQuery;
  }
}
