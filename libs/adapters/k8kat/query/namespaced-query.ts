import type { Resource } from '../kinds/resource.js';
import { Query } from './query.js';

/** NamespacedQuery is a query of a kind that lives in namespaces; without a namespace filter it means all of them. */
export class NamespacedQuery<R extends Resource, Rel extends string = never> extends Query<R, Rel> {
  /** ns keeps these namespaces: each is listed by itself, side by side, which also works without rights on the whole cluster. */
  ns(...namespaces: readonly string[]): this {
    return this.narrow({ is: 'namespace', op: 'in', values: namespaces });
  }
  notNs(...namespaces: readonly string[]): this {
    return this.narrow({ is: 'namespace', op: 'notIn', values: namespaces });
  }
  /** default keeps the namespace `default`. */
  default(): this {
    return this.ns('default');
  }
  /** system keeps the cluster's own namespaces (`kube-system` and the like). */
  system(): this {
    return this.ns(...this.state.kat.systemNamespaces);
  }
  notSystem(): this {
    return this.notNs(...this.state.kat.systemNamespaces);
  }
}
