import type { V1PodDisruptionBudget } from '@kubernetes/client-node';
import { NamespacedQuery } from '../query/namespaced-query.js';
import type { KindMap } from './kind-map.js';
import type { KindSpec } from './kind-spec.js';
import type { Json } from './kube-json.js';
import { selectedPods } from './relations.js';
import { Resource, type Ternary } from './resource.js';

const podsOf = selectedPods<DisruptionBudget>('pods of budgets', ({ raw }) => raw.spec?.selector);

/** DisruptionBudget wraps a pod disruption budget. */
export class DisruptionBudget extends Resource<Json<V1PodDisruptionBudget>> {
  /** allowed is how many pods may be evicted now. */
  get allowed(): number {
    return this.raw.status?.disruptionsAllowed ?? 0;
  }
  get expected(): number {
    return this.raw.status?.expectedPods ?? 0;
  }
  /** isBlocking: there are pods, and none of them may be evicted. */
  get isBlocking(): boolean {
    return this.expected > 0 && this.allowed === 0;
  }
  get selectsNothing(): boolean {
    return this.raw.status !== undefined && this.expected === 0;
  }
  override get ternaryStatus(): Ternary {
    const { currentHealthy = 0, desiredHealthy = 0 } = this.raw.status ?? {};
    return currentHealthy < desiredHealthy ? 'negative' : 'positive';
  }
  pods(): KindMap['pods'] {
    return this.related(podsOf);
  }
}

/** DisruptionBudgetQuery narrows budgets. */
export class DisruptionBudgetQuery extends NamespacedQuery<DisruptionBudget, 'pods'> {
  blocking(): this {
    return this.refine('blocking()', (budget) => budget.isBlocking);
  }
}

export const disruptionBudgets: KindSpec<DisruptionBudget, DisruptionBudgetQuery> = {
  facts: {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    resource: 'poddisruptionbudgets',
    namespaced: true,
    aliases: ['pdb'],
    serverFields: {},
  },
  wrap: DisruptionBudget,
  query: DisruptionBudgetQuery,
  relations: { pods: podsOf },
};

declare module './kind-map.js' {
  interface KindMap {
    pdbs: DisruptionBudgetQuery;
  }
}
