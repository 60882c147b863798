import type { ClusterReader, KubeResource, TemplatingEngine } from '../resolve/ports.js';

/** anEngine turns values into a ConfigMap and a Deployment. */
export const anEngine = (over: Partial<TemplatingEngine> = {}): TemplatingEngine => ({
  defaults: (ktea) => Promise.resolve({ web: { replicas: 1, image: `web:${String(ktea['version'])}` } }),
  template: (_ktea, values) =>
    Promise.resolve([
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'web' }, data: { values: JSON.stringify(values) } },
      { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web' }, spec: {} },
    ]),
  ...over,
});

/** aCluster holds what is given; it takes every manifest whose name is not "bad". */
export const aCluster = (resources: readonly KubeResource[] = []): ClusterReader => ({
  list: ({ kind }) =>
    Promise.resolve(
      resources.filter((each) => String(each['kind']).toLowerCase() === kind.toLowerCase().replace(/s$/, '')),
    ),
  dryRun: (manifest) =>
    Promise.resolve(
      JSON.stringify(manifest).includes('"bad"') ? { ok: false, reason: 'the value is not allowed' } : { ok: true },
    ),
});

/** files makes a bundle of one file of descriptors. */
export const files = (text: string, more: Readonly<Record<string, string>> = {}) => [
  { path: 'descriptors/app.yaml', text },
  ...Object.entries(more).map(([path, content]) => ({ path, text: content })),
];
