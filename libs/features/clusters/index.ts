export { checkCluster } from './check-cluster.js';
export { ClusterSessions, type ClusterSessionsOptions } from './cluster-sessions.js';
export { deleteCluster } from './delete-cluster.js';
export type { ClusterDeps } from './deps.js';
export { getCluster, listClusters } from './read-clusters.js';
export { registerCluster } from './register-cluster.js';
export { credentialPlace } from './sealed-credentials.js';
