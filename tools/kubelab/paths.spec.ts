import { expect, it } from 'vitest';
import { cacheRoot, clusterDir, stateHome } from './paths.ts';

it('keeps builds outside of the work tree, in the user cache', () => {
  expect(cacheRoot({ NM_KUBELAB_CACHE: '/c' })).toBe('/c');
  expect(cacheRoot({ XDG_CACHE_HOME: '/x' })).toBe('/x/nmachine/kubelab');
  expect(cacheRoot({})).toMatch(/\/\.cache\/nmachine\/kubelab$/);
});

it('puts the state of clusters where NM_KUBELAB_HOME, NM_HOME or the cache say, in this order', () => {
  expect(stateHome({ NM_KUBELAB_HOME: '/k', NM_HOME: '/h' })).toBe('/k');
  expect(stateHome({ NM_HOME: '/h', NM_KUBELAB_CACHE: '/c' })).toBe('/h/kubelab');
  expect(stateHome({ NM_KUBELAB_CACHE: '/c' })).toBe('/c/run');
});

it.each(['', '..', 'a/b', '../x', 'A', '-a', 'a'.repeat(41)])('refuses the cluster name %j', (name) => {
  expect(() => clusterDir(name, { NM_KUBELAB_HOME: '/k' })).toThrow(/is not a cluster name/);
});
