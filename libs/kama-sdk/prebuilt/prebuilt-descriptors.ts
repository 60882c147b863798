import type { Dict } from '../values/dict.js';

const category = (id: string, title: string, info: string, graphic: string): Dict => ({
  kind: 'VariableCategory',
  id: `sdk.variable-category.${id}`,
  title,
  info,
  graphic,
});

const descriptors: readonly Dict[] = [
  category('networking', 'Networking', 'HTTP, HTTPS, DNS, SSH settings', 'language'),
  category('compute', 'Workloads', 'All things performance and functionality', 'build'),
  category('security', 'Security', 'Network policies, RBAC and admin access', 'security'),
  category('storage', 'Storage', 'PVCs, StorageClass, and backups', 'save'),
];

/** prebuiltDescriptors are the models that the SDK brings: an app may name them, inherit from them, or hide one by its own of the same id. */
export const prebuiltDescriptors = (): readonly Dict[] => descriptors;
