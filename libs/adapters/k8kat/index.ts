export { CurlPod } from './actions/curl-pod.js';
export { type OneShotResult, runOnce } from './actions/run-once.js';
export { explainFault } from './explain/explain-fault.js';
export type { Explanation } from './explain/explanation.js';
export { kat } from './kat.js';
export { readinessOf } from './readiness/readiness.js';
export type { Readiness } from './readiness/readiness-state.js';
export {
  type AccessQuestion,
  type ApplyOptions,
  type DeleteOptions,
  KubeSession,
  type ServiceAccountToken,
} from './session/kube-session.js';
export type { ListOptions, ListPage } from './session/list.js';
export { exec } from './streams/exec.js';
export { isKubeStatus } from './transport/kube-faults.js';
export { objectPath } from './transport/kube-paths.js';
export type { ApiResource, KubeMethod, KubeObject, KubeRef, KubeRequestOptions } from './transport/kube-types.js';
export type { KubeTarget, TransportOptions } from './transport/transport.js';
export type { WatchEvent, WatchOptions } from './watch/watch.js';
