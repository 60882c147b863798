export { isKubeStatus } from './kube-faults.js';
export {
  type AccessQuestion,
  type ApplyOptions,
  type DeleteOptions,
  KubeSession,
  type ServiceAccountToken,
} from './kube-session.js';
export type { ApiResource, KubeMethod, KubeObject, KubeRef, KubeRequestOptions } from './kube-types.js';
export type { ListOptions, ListPage } from './list.js';
export { readinessOf } from './readiness.js';
export type { Readiness } from './readiness-state.js';
export type { KubeTarget, TransportOptions } from './transport.js';
export type { WatchEvent, WatchOptions } from './watch.js';
