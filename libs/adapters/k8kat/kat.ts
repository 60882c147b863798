import { type Clock, systemClock } from '@nm/kernel/time';
import type { AnyJson } from './kinds/custom-kind.js';
import { type DynamicKind, dynamicKind } from './kinds/dynamic-kind.js';
import type { EventQuery } from './kinds/event.js';
import type { KatContext, Owner, Relation } from './kinds/kat-context.js';
import type { KindMap, KindName } from './kinds/kind-map.js';
import type { KindSpec } from './kinds/kind-spec.js';
import type { KubeJson } from './kinds/kube-json.js';
import type { PodQuery } from './kinds/pod.js';
import { registry } from './kinds/registry.js';
import type { Resource } from './kinds/resource.js';
import type { Load } from './metrics/load.js';
import { loadOf, type NodeLoad, type PodLoad, topNodes, topPods } from './metrics/top.js';
import type { Condition } from './query/condition.js';
import { Query } from './query/query.js';
import { queryState } from './query/query-state.js';
import { relatives } from './query/relatives.js';
import type { KubeSession } from './session/kube-session.js';
import type { Impersonation } from './transport/impersonation.js';
import type { KubeObject } from './transport/kube-types.js';
import {
  type ApplyObjectsOptions,
  applyObjects,
  createNew,
  parseManifests,
  type WriteOutcome,
} from './write/apply-objects.js';

export interface KatOptions {
  readonly clock?: Clock;
  /** Who owns the fields that are written; `k8kat` when left out. */
  readonly fieldManager?: string;
  /** What `system()` means; `kube-system`, `kube-public` and `kube-node-lease` when left out. */
  readonly systemNamespaces?: readonly string[];
}

/** kat opens the fluent way to a cluster: `await kat(session).pods().ns('default').broken()`. */
export const kat = (session: KubeSession, options: KatOptions = {}): Kat => new Kat(session, options);

/** Kat is the root of all queries of one cluster, as one identity. It holds no state but its session, which its owner closes. */
export class Kat implements KatContext {
  readonly session: KubeSession;
  readonly clock: Clock;
  readonly fieldManager: string;
  readonly systemNamespaces: readonly string[];

  constructor(session: KubeSession, options: KatOptions = {}) {
    this.session = session;
    this.clock = options.clock ?? systemClock;
    this.fieldManager = options.fieldManager ?? 'k8kat';
    this.systemNamespaces = options.systemNamespaces ?? ['kube-system', 'kube-public', 'kube-node-lease'];
  }

  events(): EventQuery {
    return this.query('events');
  }
  pods(): PodQuery {
    return this.query('pods');
  }
  deps(): KindMap['deps'] {
    return this.query('deps');
  }
  rs(): KindMap['rs'] {
    return this.query('rs');
  }
  sts(): KindMap['sts'] {
    return this.query('sts');
  }
  ds(): KindMap['ds'] {
    return this.query('ds');
  }
  jobs(): KindMap['jobs'] {
    return this.query('jobs');
  }
  cronjobs(): KindMap['cronjobs'] {
    return this.query('cronjobs');
  }
  svcs(): KindMap['svcs'] {
    return this.query('svcs');
  }
  endpointSlices(): KindMap['endpointSlices'] {
    return this.query('endpointSlices');
  }
  ingresses(): KindMap['ingresses'] {
    return this.query('ingresses');
  }
  configMaps(): KindMap['configMaps'] {
    return this.query('configMaps');
  }
  secrets(): KindMap['secrets'] {
    return this.query('secrets');
  }
  namespaces(): KindMap['namespaces'] {
    return this.query('namespaces');
  }
  nodes(): KindMap['nodes'] {
    return this.query('nodes');
  }
  pvcs(): KindMap['pvcs'] {
    return this.query('pvcs');
  }
  pvs(): KindMap['pvs'] {
    return this.query('pvs');
  }
  quotas(): KindMap['quotas'] {
    return this.query('quotas');
  }
  serviceAccounts(): KindMap['serviceAccounts'] {
    return this.query('serviceAccounts');
  }
  roles(): KindMap['roles'] {
    return this.query('roles');
  }
  clusterRoles(): KindMap['clusterRoles'] {
    return this.query('clusterRoles');
  }
  roleBindings(): KindMap['roleBindings'] {
    return this.query('roleBindings');
  }
  clusterRoleBindings(): KindMap['clusterRoleBindings'] {
    return this.query('clusterRoleBindings');
  }
  hpas(): KindMap['hpas'] {
    return this.query('hpas');
  }
  pdbs(): KindMap['pdbs'] {
    return this.query('pdbs');
  }
  netpols(): KindMap['netpols'] {
    return this.query('netpols');
  }
  crds(): KindMap['crds'] {
    return this.query('crds');
  }

  /** apply applies objects (or YAML) on the server, definitions and namespaces first; each has an outcome of its own. */
  apply(objects: string | readonly KubeObject[], options: Partial<ApplyObjectsOptions> = {}): Promise<WriteOutcome[]> {
    const list = typeof objects === 'string' ? parseManifests(objects) : objects;
    return applyObjects(this.session, list, { fieldManager: this.fieldManager, ...options });
  }

  /** create makes one new object. @throws Fault kube_api 409 when it exists */
  create(object: KubeObject, options: Partial<ApplyObjectsOptions> = {}): Promise<KubeObject> {
    return createNew(this.session, object, { fieldManager: this.fieldManager, ...options });
  }

  /** kind finds a kind that has no root here, by any of its names: `(await kat.kind('certs')).query().ns('a')`. */
  kind<Raw extends KubeJson = AnyJson>(name: string): Promise<DynamicKind<Raw>> {
    return dynamicKind<Raw>(this, name);
  }

  /** topPods gives usage, requests and limits of each pod; usage is null where nobody measures it. */
  topPods(query: PodQuery = this.pods()): Promise<PodLoad[]> {
    return topPods(this, query);
  }
  /** load adds up the pods of a query: `kat.load(dep.pods())` is the load of a workload. */
  load(query: PodQuery): Promise<Load> {
    return loadOf(this, query);
  }
  topNodes(): Promise<NodeLoad[]> {
    return topNodes(this);
  }

  /** as is the same cluster as somebody else, over the same connections. */
  as(user: string, groups: readonly string[] = [], more: Omit<Impersonation, 'user' | 'groups'> = {}): Kat {
    return new Kat(this.session.as({ user, groups, ...more }), this);
  }

  query<N extends KindName>(name: N): KindMap[N] {
    return this.of(registry[name] as unknown as KindSpec<Resource, KindMap[N]>);
  }

  /** of starts a query of a kind that has no root here. */
  of<R extends Resource, Q>(spec: KindSpec<R, Q>): Q {
    return new spec.query(queryState(spec, this));
  }

  related<N extends KindName>(relation: Relation<never, N>, owners: () => Promise<readonly Owner[]>): KindMap[N] {
    const base = this.query(relation.to) as unknown as Query<Resource>;
    return relatives(base, relation, owners) as unknown as KindMap[N];
  }

  chosen(name: KindName, conditions: readonly Condition<never>[]): Promise<readonly unknown[]> {
    const base = this.query(name) as unknown as Query<Resource>;
    return base.narrow(...(conditions as readonly Condition<Resource>[])).all();
  }
}
