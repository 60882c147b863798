import type { KubeManifest, RunPlan } from '@nm/kernel/contracts';
import { describe, expect, it } from 'vitest';
import { planNeeds } from './plan-needs.js';

const known: Record<string, { resource: string; namespaced: boolean }> = {
  'v1 ConfigMap': { resource: 'configmaps', namespaced: true },
  'v1 Namespace': { resource: 'namespaces', namespaced: false },
  'apps/v1 Deployment': { resource: 'deployments', namespaced: true },
  'apiextensions.k8s.io/v1 CustomResourceDefinition': { resource: 'customresourcedefinitions', namespaced: false },
};
const lookup = async (apiVersion: string, kind: string) => {
  const found = known[`${apiVersion} ${kind}`];
  if (!found) throw new Error(`no ${kind}`);
  return { apiVersion, kind, ...found };
};
const needsOf = async (...steps: RunPlan['steps']) =>
  (await planNeeds({ steps }, 'shop', lookup)).map(
    ({ question: { verb, group, resource, namespace, name }, unlessPresent }) =>
      `${verb} ${resource}.${group} ${namespace ?? '-'}/${name}${unlessPresent ? ' unless present' : ''}`,
  );
const apply = (...manifests: KubeManifest[]) => ({ kind: 'apply' as const, title: 'x', manifests });

describe('planNeeds', () => {
  it('asks for what server-side apply does, in the namespace of the manifest or of the install', async () => {
    const own = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } };
    const other = { ...own, metadata: { name: 'a', namespace: 'other' } };
    expect(await needsOf(apply(own, other))).toEqual([
      'get configmaps. shop/a',
      'patch configmaps. shop/a',
      'create configmaps. shop/a unless present',
      'get configmaps. other/a',
      'patch configmaps. other/a',
      'create configmaps. other/a unless present',
    ]);
  });

  it('asks for no namespace where there is none, for a namespace within itself, and once for what several steps need', async () => {
    const name = 'widgets.example.com';
    const ref = { apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', name };
    const wait = { kind: 'await' as const, title: 'x', refs: [ref], timeoutSeconds: 1 };
    expect(await needsOf(wait, wait, { ...wait, kind: 'delete' })).toEqual([
      `get customresourcedefinitions.apiextensions.k8s.io -/${name}`,
      `delete customresourcedefinitions.apiextensions.k8s.io -/${name}`,
    ]);
    expect(await needsOf(apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'b' } }))).toEqual([
      'get namespaces. b/b',
      'patch namespaces. b/b',
      'create namespaces. -/b unless present',
    ]);
  });

  it('asks for the proxy of a service, and for nothing on the cluster for a URL', async () => {
    const wait = { kind: 'wait-for-http' as const, title: 'x', expectStatus: 200, timeoutSeconds: 1 };
    const service = { name: 'web', port: 80, path: '/' };
    expect(await needsOf({ ...wait, service }, { ...wait, url: 'https://example.com/' })).toEqual([
      'get services/proxy. shop/web',
    ]);
  });

  it('asks for what groups, conditions, undo steps and pruning do', async () => {
    const web = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' };
    const map = { apiVersion: 'v1', kind: 'ConfigMap', name: 'a' };
    const undo = [{ kind: 'delete' as const, title: 'x', refs: [map], timeoutSeconds: 1 }];
    const restart = { kind: 'restart' as const, title: 'x', ref: web, undo };
    const when = { not: { object: { ...map, name: 'flag' }, is: 'present' as const } };
    expect(await needsOf({ kind: 'group', title: 'x', mode: 'sequence', when, steps: [restart] })).toEqual([
      'get configmaps. shop/flag',
      'get deployments.apps shop/web',
      'patch deployments.apps shop/web',
      'get configmaps. shop/a',
      'delete configmaps. shop/a',
    ]);
    const prune = { owner: 'me', kinds: [{ apiVersion: 'v1', kind: 'ConfigMap' }] };
    const pruning = { ...apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } }), prune };
    expect(await needsOf(pruning)).toContain('list configmaps. shop/undefined');
  });

  it('knows kinds that the plan itself defines, and fails for those that nobody does', async () => {
    const definition = {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: 'widgets.example.com' },
      spec: {
        group: 'example.com',
        scope: 'Namespaced',
        names: { kind: 'Widget', plural: 'widgets' },
        versions: [{ name: 'v1' }],
      },
    };
    const widget = { apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name: 'w' } };
    expect(await needsOf(apply(definition), apply(widget))).toContain('patch widgets.example.com shop/w');
    await expect(needsOf(apply(widget))).rejects.toThrow('no Widget');
  });
});
