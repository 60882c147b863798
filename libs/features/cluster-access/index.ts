export { CallRecorder, type OpenCall } from './call-recorder.js';
export { createKubeconfig, instanceKubeconfig, revokeInstallToken, type TokenDeps } from './issue-token.js';
export { listClusterCalls } from './list-calls.js';
export { setClusterAccess } from './set-cluster-access.js';
export { listInstallTokens } from './tokens.js';
