import type { Dict } from '../values/dict.js';
import { prebuiltActions } from './prebuilt-actions.js';
import { prebuiltPredicates } from './prebuilt-predicates.js';

const category = (id: string, title: string, info: string, graphic: string): Dict => ({
  kind: 'VariableCategory',
  id: `sdk.variable-category.${id}`,
  title,
  info,
  graphic,
});

const categories: readonly Dict[] = [
  category('networking', 'Networking', 'HTTP, HTTPS, DNS, SSH settings', 'language'),
  category('compute', 'Workloads', 'All things performance and functionality', 'build'),
  category('security', 'Security', 'Network policies, RBAC and admin access', 'security'),
  category('storage', 'Storage', 'PVCs, StorageClass, and backups', 'save'),
];

const entry = (id: string, key: string): Dict => ({ kind: 'ConfigSupplier', id, field_key: key });

const suppliers: readonly Dict[] = [
  entry('sdk.supplier.config.default_vars', 'default_vars'),
  entry('sdk.supplier.config.user_vars', 'user_vars'),
  entry('sdk.supplier.config.prefs', 'prefs'),
  entry('sdk.supplier.config.ktea', 'ktea'),
  { kind: 'MergedVarsSupplier', id: 'sdk.supplier.config.variables' },
  { kind: 'NamespaceSupplier', id: 'sdk.supplier.namespace' },
  { kind: 'Supplier', id: 'sdk.supplier.injections_ktea', source: { type: 'virtual', uri: 'InlineInjectionsVktea' } },
  {
    kind: 'Supplier',
    id: 'sdk.supplier.pods_to_dots_format',
    source: 'get::parent>>pods',
    serializer: 'native',
    output: { name: 'name', status: 'phase.lower' },
  },
];

const resources = (id: string, title: string, kinds: readonly string[]): Dict => ({
  kind: 'ResourceCategory',
  id: `sdk.resource-category.${id}`,
  title,
  resources: kinds,
});

const resourceCategories: readonly Dict[] = [
  resources('compute', 'Compute', [
    'Pod',
    'Deployment',
    'StatefulSet',
    'DaemonSet',
    'ReplicaSet',
    'Job',
    'CronJob',
    'HorizontalPodAutoscaler',
  ]),
  resources('network', 'Network', ['Service', 'Ingress', 'Endpoints', 'NetworkPolicy']),
  resources('storage', 'Storage', ['PersistentVolumeClaim', 'PersistentVolume', 'StorageClass']),
  resources('config', 'Config & RBAC', [
    'ConfigMap',
    'Secret',
    'ServiceAccount',
    'Role',
    'RoleBinding',
    'ClusterRole',
    'ClusterRoleBinding',
  ]),
];

/** An expression within text. */
const within = (path: string): string => `$${`{get::self>>${path}}`}`;

const column = (
  id: string,
  title: string,
  weight: number,
  spec: Dict,
  kinds: string | readonly string[] = '*',
): Dict => ({
  kind: 'ColumnSpec',
  id: `sdk.column_spec.resources.${id}`,
  title,
  weight,
  resource_kinds: kinds,
  view_spec: spec,
});

const columns: readonly Dict[] = [
  column('name', 'Name', 1_000_000, { type: 'Text', text: 'get::self>>item=>name', style: ['bold'] }),
  column('kind', 'Kind', 2, { type: 'Text', text: 'get::self>>item=>kind' }),
  column('namespace', 'Namespace', -1_000_000, { type: 'Text', text: 'get::self>>item=>namespace' }),
  column('status', 'Status', 500_000, { type: 'CleanStatus', status: 'get::self>>item=>ternary_status' }),
  column('created_at', 'Created', 1, { type: 'Text', text: 'get::self>>item=>created_at' }),
  column(
    'replicas',
    'Replicas',
    1_000,
    { type: 'Text', text: `${within('item=>ready_replicas')}/${within('item=>desired_replicas')}` },
    ['Deployment', 'StatefulSet', 'ReplicaSet'],
  ),
];

const tables: readonly Dict[] = [
  {
    kind: 'TableViewSpec',
    id: 'sdk.table_view_spec.deployment',
    title: 'Deployments',
    resource_selector: { res_kind: 'Deployment' },
  },
];

const descriptors: readonly Dict[] = [
  ...categories,
  ...suppliers,
  ...prebuiltPredicates,
  ...prebuiltActions,
  ...resourceCategories,
  ...columns,
  ...tables,
];

/** prebuiltDescriptors are the models that the SDK brings: an app may name them, inherit from them, or hide one by its own of the same id. */
export const prebuiltDescriptors = (): readonly Dict[] => descriptors;
