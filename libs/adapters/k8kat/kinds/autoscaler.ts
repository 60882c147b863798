import type { V2HorizontalPodAutoscaler } from '@kubernetes/client-node';
import { NamespacedQuery } from '../query/namespaced-query.js';
import type { Relation } from './kat-context.js';
import type { KindMap } from './kind-map.js';
import type { KindSpec } from './kind-spec.js';
import type { Json } from './kube-json.js';
import { eventsOf, namedBy } from './relations.js';
import { Resource, type Ternary } from './resource.js';

const targetsOf = (kind: string) => (hpa: Autoscaler) => (hpa.target?.kind === kind ? [hpa.target.name] : []);
const depsOf: Relation<Autoscaler, 'deps'> = namedBy('deps', 'deployments of autoscalers', targetsOf('Deployment'));
const stsOf: Relation<Autoscaler, 'sts'> = namedBy('sts', 'stateful sets of autoscalers', targetsOf('StatefulSet'));

/** Autoscaler wraps a horizontal pod autoscaler. */
export class Autoscaler extends Resource<Json<V2HorizontalPodAutoscaler>> {
  get target() {
    return this.raw.spec?.scaleTargetRef;
  }
  get minReplicas(): number {
    return this.raw.spec?.minReplicas ?? 1;
  }
  get maxReplicas(): number {
    return this.raw.spec?.maxReplicas ?? 1;
  }
  get currentReplicas(): number {
    return this.raw.status?.currentReplicas ?? 0;
  }
  get desiredReplicas(): number {
    return this.raw.status?.desiredReplicas ?? 0;
  }
  /** troubles says why it cannot do its work: no target, no metrics, no requests to reckon by. */
  get troubles(): readonly string[] {
    return (this.raw.status?.conditions ?? [])
      .filter(({ type, status }) => (type === 'AbleToScale' || type === 'ScalingActive') && status === 'False')
      .map(({ reason, message }) => `${reason}: ${message}`);
  }
  override get ternaryStatus(): Ternary {
    if (this.troubles.length > 0) return 'negative';
    return this.raw.status?.conditions?.length ? 'positive' : 'pending';
  }
  deps(): KindMap['deps'] {
    return this.related(depsOf);
  }
  sts(): KindMap['sts'] {
    return this.related(stsOf);
  }
  events(): KindMap['events'] {
    return this.related(eventsOf);
  }
}

/** AutoscalerQuery narrows autoscalers. */
export class AutoscalerQuery extends NamespacedQuery<Autoscaler, 'deps' | 'sts' | 'events'> {}

export const autoscalers: KindSpec<Autoscaler, AutoscalerQuery> = {
  facts: {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    resource: 'horizontalpodautoscalers',
    namespaced: true,
    aliases: ['hpa'],
    serverFields: {},
  },
  wrap: Autoscaler,
  query: AutoscalerQuery,
  relations: { deps: depsOf, sts: stsOf, events: eventsOf },
};

declare module './kind-map.js' {
  interface KindMap {
    hpas: AutoscalerQuery;
  }
}
