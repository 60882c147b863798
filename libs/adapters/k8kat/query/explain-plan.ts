import type { Resource } from '../kinds/resource.js';
import { describe } from './describe.js';
import { refusedOf } from './evaluate.js';
import { compile } from './plan.js';
import type { QueryState } from './query-state.js';

/** Plan shows how a query would run. */
export interface Plan {
  /** `nothing`: no object can match, so nobody is asked. */
  readonly strategy: 'nothing' | 'objects' | 'list' | 'namespaces' | 'union';
  readonly requests: readonly {
    readonly method: 'GET';
    readonly path: string;
    readonly labelSelector?: string;
    readonly fieldSelector?: string;
    readonly limit?: number;
  }[];
  /** Judged here, object by object, while pages arrive. */
  readonly local: readonly string[];
  /** What must be read first, and narrows the query further. */
  readonly deferred: readonly string[];
  /** The server's answer is the result: nothing is left to judge. */
  readonly exact: boolean;
}

/** explainPlan compiles a query for reading; deferred conditions are named, not resolved. */
export function explainPlan<R extends Resource>(state: QueryState<R>): Plan {
  const deferred = state.deferred.map(({ words }) => words);
  const plan = compile(state.kind.facts, state.conditions, { refused: refusedOf(state), selective: state.selective });
  const isExact = plan.residue.length === 0;
  const limit = isExact && !state.order ? Math.min(state.limit ?? Infinity, state.pageSize) : state.pageSize;
  return {
    strategy: plan.strategy,
    requests: plan.reads.map(({ of, path, labelSelector, fieldSelector }) => ({
      method: 'GET' as const,
      path,
      ...(labelSelector ? { labelSelector } : {}),
      ...(fieldSelector ? { fieldSelector } : {}),
      ...(of === 'list' ? { limit } : {}),
    })),
    local: plan.residue.map((condition) => describe(condition)),
    deferred,
    exact: isExact && deferred.length === 0,
  };
}
