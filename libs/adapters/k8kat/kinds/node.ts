import type { V1Node } from '@kubernetes/client-node';
import { parseQuantity } from '@nm/kernel/quantity';
import { field } from '../query/condition.js';
import { Query } from '../query/query.js';
import { type DrainOptions, type DrainReport, drainPods } from '../write/drain.js';
import type { Relation } from './kat-context.js';
import type { KindMap } from './kind-map.js';
import type { KindSpec } from './kind-spec.js';
import type { Json } from './kube-json.js';
import { eventsOf } from './relations.js';
import { Resource, type Ternary } from './resource.js';

const podsOf: Relation<Node, 'pods'> = {
  to: 'pods',
  words: 'pods of nodes',
  resolve: (nodes) => {
    const [only, ...more] = nodes;
    return {
      narrow: only && more.length === 0 ? [field('spec.nodeName', only.name)] : [],
      holds: (node, pod) => pod.node === node.name,
    };
  },
};

/** Room is what a node has of something, and what its pods ask for. */
export interface Room {
  readonly allocatable: number;
  readonly requested: number;
  readonly free: number;
}

/** Node wraps a node. */
export class Node extends Resource<Json<V1Node>> {
  get isReady(): boolean {
    return this.raw.status?.conditions?.find(({ type }) => type === 'Ready')?.status === 'True';
  }
  get isCordoned(): boolean {
    return this.raw.spec?.unschedulable ?? false;
  }
  get taints() {
    return this.raw.spec?.taints ?? [];
  }
  /** In cores. */
  get cpuCapacity(): number {
    return parseQuantity(this.raw.status?.capacity?.['cpu']) ?? 0;
  }
  /** In bytes. */
  get memCapacity(): number {
    return parseQuantity(this.raw.status?.capacity?.['memory']) ?? 0;
  }
  get cpuAllocatable(): number {
    return parseQuantity(this.raw.status?.allocatable?.['cpu']) ?? 0;
  }
  get memAllocatable(): number {
    return parseQuantity(this.raw.status?.allocatable?.['memory']) ?? 0;
  }
  /** badConditions: Ready that is not True, pressures that are not False. Conditions of vendors that end in `Ready` count as Ready does. */
  get badConditions(): readonly string[] {
    return (this.raw.status?.conditions ?? [])
      .filter(({ type, status }) => (type.endsWith('Ready') ? status !== 'True' : status !== 'False'))
      .map(({ type, reason }) => `${type}: ${reason ?? 'no reason'}`);
  }
  override get ternaryStatus(): Ternary {
    return this.isReady && this.badConditions.length === 0 ? 'positive' : 'negative';
  }
  pods(): KindMap['pods'] {
    return this.related(podsOf);
  }
  events(): KindMap['events'] {
    return this.related(eventsOf);
  }

  /** room says what the node has left, by what its pods ask for. */
  async room(): Promise<{ readonly cpu: Room; readonly memory: Room }> {
    const pods = (await this.pods()).filter(({ phase }) => phase !== 'Succeeded' && phase !== 'Failed');
    const of = (allocatable: number, asked: readonly number[]): Room => {
      const requested = Math.round(asked.reduce((sum, one) => sum + one, 0) * 1e9) / 1e9;
      return { allocatable, requested, free: allocatable - requested };
    };
    return {
      cpu: of(
        this.cpuAllocatable,
        pods.map(({ cpuRequest }) => cpuRequest),
      ),
      memory: of(
        this.memAllocatable,
        pods.map(({ memRequest }) => memRequest),
      ),
    };
  }

  cordon(): Promise<this> {
    return this.patch({ spec: { unschedulable: true } });
  }
  uncordon(): Promise<this> {
    return this.patch({ spec: { unschedulable: null } });
  }
  /** drain cordons it and evicts its pods, as their budgets allow; daemon sets' and static pods stay. @throws Fault kube_api */
  async drain(options: DrainOptions = {}): Promise<DrainReport> {
    await this.cordon();
    return drainPods(this.kat, await this.pods(), options);
  }
}

/** NodeQuery narrows nodes. */
export class NodeQuery extends Query<Node, 'pods' | 'events'> {
  ready(): this {
    return this.refine('ready()', (node) => node.isReady);
  }
  cordoned(): this {
    return this.narrow(field('spec.unschedulable', 'true'));
  }
  pods(): KindMap['pods'] {
    return this.related(podsOf);
  }
}

export const nodes: KindSpec<Node, NodeQuery> = {
  facts: {
    apiVersion: 'v1',
    kind: 'Node',
    resource: 'nodes',
    namespaced: false,
    aliases: ['no'],
    serverFields: { 'spec.unschedulable': { absent: 'false' } },
  },
  wrap: Node,
  query: NodeQuery,
  relations: { pods: podsOf, events: eventsOf },
};

declare module './kind-map.js' {
  interface KindMap {
    nodes: NodeQuery;
  }
}
