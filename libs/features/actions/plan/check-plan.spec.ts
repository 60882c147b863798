import { readFileSync } from 'node:fs';
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
    ['unknown kind of step', { steps: [{ kind: 'shell', title: 'x' }] }, 'steps.0.kind'],
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

  const ref = { apiVersion: 'v1', kind: 'ConfigMap', name: 'x' };
  const restart = { kind: 'restart', title: 'x', ref: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' } };
  const groupOf = (...steps: object[]) => ({ kind: 'group', title: 'g', steps });
  const atOnce = (...steps: object[]) => ({ ...groupOf(...steps), mode: 'parallel' });
  const nested = (depth: number): object => (depth === 0 ? restart : groupOf(nested(depth - 1)));
  const ifDone = (step: string) => ({ ...restart, when: { step, is: 'positive' } });

  it.each([
    ['two steps of one name', [{ ...restart, id: 'a' }, groupOf({ ...restart, id: 'a' })], 'steps.1.steps.0.id'],
    ['a condition on a step that nobody has', [ifDone('a')], 'steps.0.when.step'],
    ['a condition on itself', [{ ...ifDone('a'), id: 'a' }], 'steps.0.when.step'],
    ['a condition on a later step', [ifDone('a'), { ...restart, id: 'a' }], 'steps.0.when.step'],
    ['a condition on the group that it is in', [{ ...groupOf(ifDone('g')), id: 'g' }], 'steps.0.steps.0.when.step'],
    ['a condition on a step beside it', [atOnce({ ...restart, id: 'a' }, ifDone('a'))], 'steps.0.steps.1.when.step'],
    ['groups that are too deep', [nested(12)], 'steps'],
    ['more steps than a plan may have', Array.from({ length: 5 }, () => groupOf(...Array(50).fill(restart))), 'steps'],
    ['a restart of what has no pods', [{ ...restart, ref }], 'steps.0.ref.kind'],
    ['replicas of what has none', [{ kind: 'scale', title: 'x', ref, replicas: 1 }], 'steps.0.ref.kind'],
    [
      'a Job that is none',
      [{ kind: 'run-job', title: 'x', manifest: manifest({ name: 'x' }) }],
      'steps.0.manifest.kind',
    ],
    ['a patch of the name', [{ kind: 'patch', title: 'x', ref, patch: { kind: 'Secret' } }], 'steps.0.patch.kind'],
    [
      'a wave that is no number',
      applyOf(manifest({ name: 'x', annotations: { 'nmachine.io/wave': '1a' } })).steps,
      'steps.0.manifests.0.metadata.annotations',
    ],
    [
      'a fault in an undo step',
      [{ ...restart, undo: [{ ...restart, ref: { ...ref, kind: 'lower' } }] }],
      'steps.0.undo.0.ref.kind',
    ],
    [
      'an approval as undoing',
      [{ ...restart, undo: [{ kind: 'approval', title: 'x', message: 'x' }] }],
      'steps.0.undo.0.kind',
    ],
    [
      'waiting for a step',
      [{ kind: 'wait-for', title: 'x', condition: { step: 'a', is: 'positive' } }],
      'steps.0.condition.step',
    ],
  ])('refuses %s', (_, steps, path) => {
    expect(issuesOf({ steps })).toContain(path);
  });

  it('passes conditions on what has surely ended: earlier, also in another group', () => {
    const plan = {
      steps: [
        atOnce({ ...restart, id: 'a' }, groupOf({ ...restart, id: 'b' }, ifDone('b'))),
        groupOf({ ...restart, when: { any: [{ step: 'a', is: 'negative' }, { not: { object: ref, is: 'ready' } }] } }),
      ],
    };
    expect(issuesOf(plan)).toEqual([]);
  });

  it('refuses 10 MB, a thousand levels and a circle at once, without walking into them', () => {
    const circle: Record<string, unknown> = { ...restart };
    circle['when'] = { not: circle };
    let deep: object = {};
    for (let i = 0; i < 1_000; i++) deep = { deep };
    for (const more of [{ big: 'x'.repeat(10_000_000) }, { deep }, { circle }])
      expect(issuesOf({ steps: [{ ...restart, ...more }] })).toEqual(['steps']);
  });

  it('passes the plan of the guide', () => {
    const guide = readFileSync(new URL('../../../../docs/guides/plans.md', import.meta.url), 'utf8');
    const example = JSON.parse(/```json\n(.*?)```/s.exec(guide)?.[1] ?? '{}') as { plan: unknown };
    expect(checkPlan(example.plan).steps).toHaveLength(3);
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
