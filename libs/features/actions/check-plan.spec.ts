import { isFault } from '@nm/kernel/fault';
import { describe, expect, it } from 'vitest';
import { checkPlan } from './check-plan.js';
import { planDigest } from './plan-digest.js';

const manifest = (metadata: object, more: object = {}) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata, ...more });
const applyOf = (...manifests: object[]) => ({ steps: [{ kind: 'apply', title: 'Apply', manifests }] });
const service = (name: string, path: string) => ({
  steps: [{ kind: 'wait-for-http', title: 'Wait', service: { name, port: 80, path } }],
});

/** The paths that the plan's faults name. */
function issuesOf(plan: unknown): string[] {
  try {
    checkPlan(plan);
    return [];
  } catch (error) {
    if (!isFault(error) || error.code !== 'plan_invalid') throw error;
    return (error.extra['issues'] as { path: string }[]).map(({ path }) => path);
  }
}

describe('checkPlan', () => {
  it('passes a plain plan, with what is left out filled in', () => {
    const ref = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' };
    const plan = checkPlan({ steps: [{ kind: 'await', title: 'Wait', refs: [ref] }] });
    expect(plan.steps[0]).toMatchObject({ timeoutSeconds: 240 });
  });

  it.each([
    ['no steps', { steps: [] }, 'steps'],
    ['unknown kind of step', { steps: [{ kind: 'exec', title: 'x' }] }, 'steps.0.kind'],
    ['a name that leaves its path', applyOf(manifest({ name: '../secrets/x' })), 'steps.0.manifests.0.name'],
    ['a namespace that is none', applyOf(manifest({ name: 'x', namespace: 'a/b' })), 'steps.0.manifests.0.namespace'],
    [
      'an apiVersion that leaves its path',
      applyOf({ ...manifest({ name: 'x' }), apiVersion: '../v1' }),
      'steps.0.manifests.0.apiVersion',
    ],
    ['a list', applyOf({ ...manifest({ name: 'x' }), kind: 'ConfigMapList', items: [] }), 'steps.0.manifests.0.kind'],
    [
      'what only the cluster sets',
      applyOf(manifest({ name: 'x', resourceVersion: '1' })),
      'steps.0.manifests.0.metadata.resourceVersion',
    ],
    ['one object twice', applyOf(manifest({ name: 'x' }), manifest({ name: 'x' })), 'steps.0.manifests.1'],
    ['a path that leaves the service', service('web', '/../../../secrets'), 'steps.0.service.path'],
    ['an encoded path that leaves the service', service('web', '/%2e%2e/x'), 'steps.0.service.path'],
    ['a backslash', service('web', '/a\\..\\b'), 'steps.0.service.path'],
    ['a service that leaves its path', service('a/b', '/'), 'steps.0.service.name'],
    ['more than fits', applyOf(manifest({ name: 'x' }, { data: { x: 'x'.repeat(1_000_001) } })), 'steps'],
  ])('refuses %s, and says where', (_, plan, path) => {
    expect(issuesOf(plan)).toContain(path);
  });

  it('reports all problems at once', () => {
    expect(issuesOf(applyOf(manifest({ name: 'a/b' }), manifest({ name: 'x', uid: '1' })))).toHaveLength(2);
  });
});

describe('planDigest', () => {
  it('is the same whatever the order of members, and another for another value, order of steps or missing member', () => {
    expect(planDigest({ a: 1, b: [{ c: 2, d: undefined }] })).toBe(planDigest({ b: [{ c: 2 }], a: 1 }));
    const all = [{ a: 1 }, { a: '1' }, { a: null }, {}, { a: [1, 2] }, { a: [2, 1] }, { a: { b: 1 } }];
    expect(new Set(all.map(planDigest)).size).toBe(all.length);
  });
});
