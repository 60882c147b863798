import { autoscalers } from './autoscaler.js';
import { claims } from './claim.js';
import { configMaps } from './config-map.js';
import { cronJobs } from './cron-job.js';
import { daemonSets } from './daemon-set.js';
import { definitions } from './definition.js';
import { deployments } from './deployment.js';
import { disruptionBudgets } from './disruption-budget.js';
import { endpointSlices } from './endpoint-slice.js';
import { events } from './event.js';
import { ingresses } from './ingress.js';
import { jobs } from './job.js';
import type { KindMap, KindName, ResourceOf } from './kind-map.js';
import type { KindSpec } from './kind-spec.js';
import { namespaces } from './namespace.js';
import { networkPolicies } from './network-policy.js';
import { nodes } from './node.js';
import { pods } from './pod.js';
import { quotas } from './quota.js';
import { clusterRoleBindings, clusterRoles, roleBindings, roles } from './rbac.js';
import { replicaSets } from './replica-set.js';
import type { Resource } from './resource.js';
import { secrets } from './secret.js';
import { services } from './service.js';
import { serviceAccounts } from './service-account.js';
import { statefulSets } from './stateful-set.js';
import { volumes } from './volume.js';

type SpecOf<N extends KindName> = KindSpec<ResourceOf<KindMap[N]> & Resource, KindMap[N]>;

/** registry holds every kind that has a root of its own on `Kat`, by the root's name. */
export const registry: { readonly [N in KindName]: SpecOf<N> } = {
  events,
  pods,
  deps: deployments,
  rs: replicaSets,
  sts: statefulSets,
  ds: daemonSets,
  jobs,
  cronjobs: cronJobs,
  svcs: services,
  endpointSlices,
  ingresses,
  configMaps,
  secrets,
  namespaces,
  nodes,
  pvcs: claims,
  pvs: volumes,
  quotas,
  serviceAccounts,
  roles,
  clusterRoles,
  roleBindings,
  clusterRoleBindings,
  hpas: autoscalers,
  pdbs: disruptionBudgets,
  netpols: networkPolicies,
  crds: definitions,
};
