import { describe, expect, it } from 'vitest';
import { podResource } from './pod-resources.js';
import { countsOf, lastTermination, type PodJson, podStatus, podTernary } from './pod-status.js';
import { formatBytes, formatCores, sumQuantities } from './quantities.js';
import { allows, ruleMatrix } from './rbac-rules.js';
import { selects, serviceSelects } from './selector.js';
import { shellWords } from './shell-words.js';
import {
  daemonSetRollout,
  deploymentRollout,
  jobCompletions,
  jobStatus,
  statefulSetRollout,
} from './workload-status.js';

type Status = NonNullable<PodJson['status']>;
type Container = NonNullable<Status['containerStatuses']>[number];

const container = (state: object, more: object = {}): Container =>
  ({ name: 'c', image: 'i', imageID: '', ready: false, restartCount: 0, state, ...more }) as Container;
const pod = (status: object, spec: object = {}, metadata: object = {}): PodJson =>
  ({ metadata, spec: { containers: [{ name: 'c' }], ...spec }, status }) as PodJson;
const running = container({ running: {} }, { ready: true, started: true });
const waits = (reason: string) => container({ waiting: { reason } });
const ended = (exitCode: number, more: object = {}) => container({ terminated: { exitCode, ...more } });
const condition = (type: string, status: string, reason?: string) => ({ type, status, reason });

describe('podStatus is kubectl’s column STATUS, podTernary what it amounts to', () => {
  const isReady = [condition('Ready', 'True')];
  it.each<[string, string, PodJson]>([
    ['Running', 'positive', pod({ phase: 'Running', containerStatuses: [running], conditions: isReady })],
    ['Running', 'negative', pod({ phase: 'Running', containerStatuses: [{ ...running, ready: false }] })],
    [
      'Running',
      'pending',
      pod({ phase: 'Running', containerStatuses: [container({ running: {} }, { started: false })] }),
    ],
    ['Pending', 'pending', pod({ phase: 'Pending' })],
    ['ContainerCreating', 'pending', pod({ phase: 'Pending', containerStatuses: [waits('ContainerCreating')] })],
    ['ImagePullBackOff', 'negative', pod({ phase: 'Pending', containerStatuses: [waits('ImagePullBackOff')] })],
    ['CrashLoopBackOff', 'negative', pod({ phase: 'Running', containerStatuses: [waits('CrashLoopBackOff')] })],
    [
      'Pending',
      'negative',
      pod({ phase: 'Pending', conditions: [condition('PodScheduled', 'False', 'Unschedulable')] }),
    ],
    [
      'SchedulingGated',
      'pending',
      pod({ phase: 'Pending', conditions: [condition('PodScheduled', 'False', 'SchedulingGated')] }),
    ],
    ['Completed', 'positive', pod({ phase: 'Succeeded', containerStatuses: [ended(0, { reason: 'Completed' })] })],
    ['Error', 'negative', pod({ phase: 'Failed', containerStatuses: [ended(1, { reason: 'Error' })] })],
    ['ExitCode:3', 'negative', pod({ phase: 'Failed', containerStatuses: [ended(3)] })],
    ['Signal:9', 'negative', pod({ phase: 'Failed', containerStatuses: [ended(137, { signal: 9 })] })],
    [
      'Error',
      'negative',
      pod({ phase: 'Running', containerStatuses: [ended(1, { reason: 'Error' })] }, { restartPolicy: 'Always' }),
    ],
    ['Evicted', 'negative', pod({ phase: 'Failed', reason: 'Evicted' })],
    ['Terminating', 'pending', pod({ phase: 'Running', containerStatuses: [running] }, {}, { deletionTimestamp: 'x' })],
    ['Unknown', 'pending', pod({ phase: 'Running', reason: 'NodeLost' }, {}, { deletionTimestamp: 'x' })],
    [
      'Init:0/2',
      'pending',
      pod(
        { phase: 'Pending', initContainerStatuses: [container({ running: {} })] },
        { initContainers: [{ name: 'c' }, { name: 'd' }] },
      ),
    ],
    [
      'Init:CrashLoopBackOff',
      'negative',
      pod(
        { phase: 'Pending', initContainerStatuses: [waits('CrashLoopBackOff')] },
        { initContainers: [{ name: 'c' }] },
      ),
    ],
    [
      'Init:ExitCode:2',
      'negative',
      pod({ phase: 'Pending', initContainerStatuses: [ended(2)] }, { initContainers: [{ name: 'c' }] }),
    ],
    [
      'Running',
      'positive',
      pod(
        { phase: 'Running', conditions: isReady, initContainerStatuses: [running], containerStatuses: [running] },
        { initContainers: [{ name: 'c', restartPolicy: 'Always' }] },
      ),
    ],
    ['NotReady', 'pending', pod({ phase: 'Running', containerStatuses: [running, ended(0, { reason: 'Completed' })] })],
    ['Unknown', 'pending', pod({})],
  ])('%s, %s', (status, ternary, given) => {
    expect([podStatus(given), podTernary(given)]).toEqual([status, ternary]);
  });

  it('counts sidecars among what must be ready, and every restart', () => {
    const initContainers = [{ name: 'init' }, { name: 'side', restartPolicy: 'Always' }];
    const initContainerStatuses = [ended(0), { ...running, name: 'side', restartCount: 2 }];
    const given = pod({ initContainerStatuses, containerStatuses: [waits('CrashLoopBackOff')] }, { initContainers });
    expect(countsOf(given)).toEqual({ ready: 1, total: 2, restarts: 2 });
  });

  it('knows the newest end, current or before', () => {
    const old = { terminated: { exitCode: 1, finishedAt: '2026-01-01T00:00:00Z' } };
    const newer = container(
      { waiting: {} },
      {
        name: 'd',
        lastState: { terminated: { exitCode: 137, reason: 'OOMKilled', finishedAt: '2026-01-02T00:00:00Z' } },
      },
    );
    const given = pod({ containerStatuses: [container({ running: {} }, { lastState: old }), newer] });
    expect(lastTermination(given)).toMatchObject({ container: 'd', exitCode: 137, reason: 'OOMKilled' });
  });

  it('reckons requests as the scheduler does', () => {
    const ask = (cpu: string, more: object = {}) => ({ name: 'x', resources: { requests: { cpu } }, ...more });
    const spec = {
      initContainers: [ask('100m', { restartPolicy: 'Always' }), ask('900m')],
      containers: [ask('200m'), ask('0.3'), { name: 'none' }],
      overhead: { cpu: '10m' },
    };
    expect(podResource(pod({}, spec), 'requests', 'cpu')).toBe(1.01);
    expect(podResource(pod({}, { ...spec, initContainers: [] }), 'requests', 'cpu')).toBe(0.51);
    expect(podResource(pod({}, spec), 'limits', 'memory')).toBe(0);
  });
});

it('names the first container’s trouble when several have one, as kubectl does', () => {
  const containerStatuses = [waits('CrashLoopBackOff'), waits('ImagePullBackOff')];
  expect(podStatus(pod({ phase: 'Running', containerStatuses }))).toBe('CrashLoopBackOff');
});

describe('quantities', () => {
  it('adds without the dust of binary fractions, and writes what it read', () => {
    expect(sumQuantities(['100m', '200m', undefined, 'garbage'])).toBe(0.3);
    expect([formatBytes(1536 * 2 ** 20), formatBytes(10), formatCores(0.25), formatCores(1.5)]).toEqual([
      '1.5Gi',
      '10',
      '250m',
      '1.5',
    ]);
  });
});

describe('rollouts are judged as kubectl judges them', () => {
  const meta = { generation: 2 };
  const dep = (status: object, replicas = 3) =>
    deploymentRollout({ metadata: meta, spec: { replicas }, status: { observedGeneration: 2, ...status } });
  it.each([
    ['waiting', deploymentRollout({ metadata: meta, status: { observedGeneration: 1 } })],
    ['waiting', dep({ updatedReplicas: 2, replicas: 3 })],
    ['waiting', dep({ updatedReplicas: 3, replicas: 4, availableReplicas: 3 })],
    ['waiting', dep({ updatedReplicas: 3, replicas: 3, availableReplicas: 2 })],
    ['done', dep({ updatedReplicas: 3, replicas: 3, availableReplicas: 3 })],
    ['done', dep({}, 0)],
    ['failed', dep({ conditions: [{ type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded' }] })],
    ['waiting', statefulSetRollout({ spec: { replicas: 2 }, status: { readyReplicas: 1 } })],
    [
      'waiting',
      statefulSetRollout({
        spec: { replicas: 1 },
        status: { readyReplicas: 1, currentRevision: 'a', updateRevision: 'b' },
      }),
    ],
    [
      'done',
      statefulSetRollout({
        spec: { replicas: 3, updateStrategy: { rollingUpdate: { partition: 2 } } },
        status: { readyReplicas: 3, updatedReplicas: 1 },
      }),
    ],
    ['done', statefulSetRollout({ spec: { replicas: 1 }, status: { readyReplicas: 1 } })],
    [
      'waiting',
      daemonSetRollout({ status: { desiredNumberScheduled: 2, updatedNumberScheduled: 2, numberAvailable: 1 } }),
    ],
    [
      'done',
      daemonSetRollout({ status: { desiredNumberScheduled: 2, updatedNumberScheduled: 2, numberAvailable: 2 } }),
    ],
    ['done', daemonSetRollout({ spec: { updateStrategy: { type: 'OnDelete' } } })],
  ])('%s (%#)', (state, rollout) => expect(rollout.state).toBe(state));

  it('names the state of jobs', () => {
    const is = (type: string) => jobStatus({ status: { conditions: [{ type, status: 'True' }] } });
    expect(['Complete', 'Failed', 'Suspended', 'FailureTarget', 'Other'].map(is)).toEqual([
      'Complete',
      'Failed',
      'Suspended',
      'FailureTarget',
      'Running',
    ]);
    expect(jobCompletions({ spec: { completions: 3 }, status: { succeeded: 2 } })).toBe('2/3');
    expect(jobCompletions({ spec: { parallelism: 3 }, status: { succeeded: 1 } })).toBe('1/1 of 3');
  });
});

describe('selectors', () => {
  it('an empty workload selector chooses all, an absent one and an empty service selector nothing', () => {
    expect([selects({}, { a: '1' }), selects(undefined, { a: '1' })]).toEqual([true, false]);
    expect([
      serviceSelects({}, { a: '1' }),
      serviceSelects(undefined, {}),
      serviceSelects({ a: '1' }, { a: '1', b: '2' }),
    ]).toEqual([false, false, true]);
  });
  it.each([
    ['In', ['1'], true],
    ['In', ['2'], false],
    ['NotIn', ['1'], false],
    ['NotIn', ['2'], true],
    ['Exists', [], true],
    ['DoesNotExist', [], false],
  ])('%s %j', (operator, values, expected) => {
    expect(selects({ matchExpressions: [{ key: 'a', operator, values }] }, { a: '1' })).toBe(expected);
  });
  it('NotIn and DoesNotExist choose what lacks the key', () => {
    expect(selects({ matchExpressions: [{ key: 'x', operator: 'NotIn', values: ['1'] }] }, {})).toBe(true);
    expect(selects({ matchExpressions: [{ key: 'x', operator: 'DoesNotExist' }] }, {})).toBe(true);
  });
});

it.each([
  ['one two three%20four', ['one', 'two', 'three four']],
  [`sh -c 'echo "a b"; exit 3'`, ['sh', '-c', 'echo "a b"; exit 3']],
  ['a "b \\"c\\"" d\\ e', ['a', 'b "c"', 'd e']],
  [`x='y z'`, ['x=y z']],
  ['  spaced   out ', ['spaced', 'out']],
  ['$HOME | cat', ['$HOME', '|', 'cat']],
  ['', []],
])('splits %j', (text, words) => expect(shellWords(text)).toEqual(words));

it('spreads RBAC rules out, and reads stars as the authoriser does', () => {
  const rules = [
    { apiGroups: [''], resources: ['pods', 'pods/log'], verbs: ['get', 'list'] },
    { apiGroups: ['apps'], resources: ['*'], verbs: ['*'] },
  ];
  expect(ruleMatrix(rules)[1]).toMatchObject({ resource: 'pods/log', verbs: { get: true, list: true, create: false } });
  expect(ruleMatrix(rules)[2]?.verbs.deletecollection).toBe(true);
  expect(allows(rules, 'list', 'pods', '')).toBe(true);
  expect(allows(rules, 'list', 'pods', 'apps')).toBe(true);
  expect(allows(rules, 'delete', 'pods', '')).toBe(false);
  expect(
    allows([{ apiGroups: [''], resources: ['pods'], verbs: ['get'], resourceNames: ['x'] }], 'get', 'pods', ''),
  ).toBe(false);
});
