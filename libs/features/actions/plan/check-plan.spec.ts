import { readFileSync } from 'node:fs';
import { isFault } from '@nm/kernel/fault';
import { describe, expect, it } from 'vitest';
import { stepKinds } from '../steps/kinds.js';
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

  const variables = (more: object) => ({ kind: 'variables', title: 'v', ...more });
  const call = { kind: 'http-request', title: 'c', id: 'call', url: 'https://example.com/' };
  const from = (path: string) => ({ $from: path });
  const action = (name: string, ...steps: object[]) => ({
    kind: 'run-action',
    title: 'a',
    action: name,
    plan: { steps },
  });
  const chain = (depth: number): object => (depth === 0 ? restart : action(`a${depth}`, chain(depth - 1)));
  const deepVars = () => {
    let deep: object = {};
    for (let i = 0; i < 70; i++) deep = { a: deep };
    return deep;
  };

  it.each([
    ['a reference to a step that nobody has', [variables({ merge: { a: from('steps.x.body') } })], 'steps.0.merge.a'],
    ['a reference to a later step', [variables({ merge: { a: from('steps.call.body') } }), call], 'steps.0.merge.a'],
    ['a reference to itself', [{ ...call, body: { a: [from('steps.call.body')] } }], 'steps.0.body.a.0'],
    ['a reference to what is never given', [call, variables({ set: { a: from('steps.call.uid') } })], 'steps.1.set.a'],
    ['a reference that is none', [call, variables({ set: { a: from('call.body') } })], 'steps.1.set.a'],
    [
      'a reference beside the step',
      [atOnce(call, applyOf(manifest({ name: 'x' }, { data: { a: from('steps.call.body') } })).steps[0] ?? {})],
      'steps.0.steps.1.manifests.0.data.a',
    ],
    [
      'a reference of an undo step to what comes after',
      [{ ...restart, undo: [variables({ merge: { a: from('steps.call.body') } })] }, call],
      'steps.0.undo.0.merge.a',
    ],
    [
      'a reference as a name',
      [call, applyOf(manifest({ name: from('steps.call.body') })).steps[0]],
      'steps.1.manifests.0.metadata.name',
    ],
    [
      'an action that runs itself',
      [action('a', action('b', action('a', restart)))],
      'steps.0.plan.steps.0.plan.steps.0.action',
    ],
    ['actions that are too deep', [chain(5)], 'steps.0.plan.steps.0.plan.steps.0.plan.steps.0.action'],
    ['a fault in the plan of an action', [action('a', { ...restart, ref })], 'steps.0.plan.steps.0.ref.kind'],
    ['too many steps in all', [action('a', ...Array(5).fill(groupOf(...Array(50).fill(restart))))], 'steps'],
    ['groups that are too deep in an action', [action('a', nested(12))], 'steps'],
    ['no change of variables', [variables({})], 'steps.0.merge'],
    ['two changes of variables', [variables({ merge: {}, set: {} })], 'steps.0.merge'],
    ['variables without end', [variables({ merge: deepVars() })], 'steps.0.merge'],
    ['a space that is no key', [variables({ merge: {}, space: 'a/b' })], 'steps.0.space'],
    ['a level that is none', [variables({ merge: {}, level: 'vendor' })], 'steps.0.level'],
    ['a name of nothing', [variables({ unset: ['a..b'] })], 'steps.0.unset.0'],
    ['a command without words', [{ kind: 'exec', title: 'x', pod: { name: 'p' }, command: [] }], 'steps.0.command'],
    [
      'a pod that leaves its path',
      [{ kind: 'exec', title: 'x', pod: { name: '../x' }, command: ['a'] }],
      'steps.0.pod.name',
    ],
    ['no pod', [{ kind: 'exec', title: 'x', pod: {}, command: ['a'] }], 'steps.0.pod.name'],
    ['labels of every pod', [{ kind: 'exec', title: 'x', pod: { labels: {} }, command: ['a'] }], 'steps.0.pod.labels'],
    ['refs and groups', [{ kind: 'delete', title: 'x', refs: [ref], groups: [{ refs: [ref] }] }], 'steps.0.refs'],
    ['neither refs nor groups', [{ kind: 'delete', title: 'x' }], 'steps.0.refs'],
    ['a group of nothing', [{ kind: 'delete', title: 'x', groups: [{}] }], 'steps.0.groups.0.refs'],
    [
      'an object in two groups',
      [{ kind: 'delete', title: 'x', groups: [{ refs: [ref] }, { refs: [ref] }] }],
      'steps.0.groups.1',
    ],
    ['a header of the connection', [{ ...call, headers: { Host: 'x' } }], 'steps.0.headers.Host'],
    [
      'a credential of its own for the cluster',
      [{ ...call, url: undefined, service: { name: 'web', port: 80 }, headers: { Authorization: 'x' } }],
      'steps.0.headers.Authorization',
    ],
  ])('refuses %s, with its place', (_, steps, path) => {
    expect(issuesOf({ steps }).join(' ')).toContain(path);
  });

  it('names the cycle, that of the run itself included', () => {
    const plan = { steps: [action('b', action('upgrade', restart))] };
    expect(() => checkPlan(plan, { action: 'upgrade' })).toThrow(
      expect.objectContaining({
        extra: { issues: [{ path: 'steps.0.plan.steps.0.action', message: 'a cycle: upgrade → b → upgrade' }] },
      }),
    );
    expect(checkPlan(plan, { action: 'other' })).toBeDefined();
  });

  it('passes references to what has surely ended, of undo steps also to their own step', () => {
    const use = variables({ merge: { a: { b: [from('steps.call.body.version')] } } });
    expect(issuesOf({ steps: [groupOf(call), use, { ...restart, undo: [use] }] })).toEqual([]);
    expect(issuesOf({ steps: [{ ...call, undo: [use] }] })).toEqual([]);
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
    const [, every] = [...guide.matchAll(/```json\n(.*?)```/gs)].map(([, json = '']) => JSON.parse(json) as object);
    const shown = checkPlan(every).steps.map(({ kind }) => kind);
    expect([...shown, 'restore'].toSorted()).toEqual([...stepKinds, 'group'].toSorted());
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
