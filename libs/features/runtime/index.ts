export { BundleDriver, type BundleDriverOptions } from './bundle/bundle-driver.js';
export { type OpenDockerOptions, type OpenedDocker, openDocker, realmOf } from './docker/open-docker.js';
export { type Host, type HostOptions, startHost } from './host.js';
export { ClusterLoans } from './loans/cluster-loans.js';
export { lendByApi } from './loans/lend-by-api.js';
export { operatorIsDead, operatorName } from './operator-name.js';

export { ProcessDriver, type ProcessDriverOptions } from './process/process-driver.js';
export { InstanceStore } from './reconcile/instance-store.js';
export { requestWake, type WakeRequest } from './request-wake.js';
export type {
  DriverName,
  OnExit,
  RuntimeDriver,
  RuntimeHandle,
  RuntimeSpec,
  RuntimeState,
} from './runtime-driver.js';
export { slotOf } from './slot.js';
export { touchInstances } from './touch-instances.js';
