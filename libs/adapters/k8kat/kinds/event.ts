import type { CoreV1Event } from '@kubernetes/client-node';
import { field } from '../query/condition.js';
import { NamespacedQuery } from '../query/namespaced-query.js';
import type { KindSpec } from './kind-spec.js';
import type { Json } from './kube-json.js';
import { Resource } from './resource.js';

/** KubeEvent wraps what happened to an object, as a component of the cluster reported it. */
export class KubeEvent extends Resource<Json<CoreV1Event>> {
  get reason(): string {
    return this.raw.reason ?? '';
  }
  get message(): string {
    return this.raw.message ?? '';
  }
  /** isFailure tells warnings from the rest. */
  get isFailure(): boolean {
    return this.raw.type !== 'Normal';
  }
  get count(): number {
    return this.raw.series?.count ?? this.raw.count ?? 1;
  }
  /** occurredAt is when it was last seen. */
  get occurredAt(): Date | undefined {
    const { series, lastTimestamp, eventTime, firstTimestamp } = this.raw;
    const text = series?.lastObservedTime ?? lastTimestamp ?? eventTime ?? firstTimestamp;
    return text ? new Date(text) : this.createdAt;
  }
}

/** EventQuery narrows events. */
export class EventQuery extends NamespacedQuery<KubeEvent> {
  /** for keeps what happened to this very object, not to one that had its name before. */
  for(object: { readonly uid: string }): this {
    return this.narrow(field('involvedObject.uid', object.uid));
  }
  warnings(): this {
    return this.narrow(field('type', 'Warning'));
  }
}

export const events: KindSpec<KubeEvent, EventQuery> = {
  facts: {
    apiVersion: 'v1',
    kind: 'Event',
    resource: 'events',
    namespaced: true,
    aliases: ['ev'],
    serverFields: {
      'involvedObject.kind': {},
      'involvedObject.namespace': {},
      'involvedObject.name': {},
      'involvedObject.uid': {},
      'involvedObject.apiVersion': {},
      'involvedObject.resourceVersion': {},
      'involvedObject.fieldPath': {},
      reason: {},
      reportingComponent: {},
      source: { at: 'source.component' },
      type: {},
    },
  },
  wrap: KubeEvent,
  query: EventQuery,
};

declare module './kind-map.js' {
  interface KindMap {
    events: EventQuery;
  }
}
