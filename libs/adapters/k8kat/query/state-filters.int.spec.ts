import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FakeKubeApi, type Stored } from '../../../testing/fake-kube-api.js';
import { type Kat, kat } from '../kat.js';
import type { PodQuery } from '../kinds/pod.js';
import type { KubeSession } from '../session/kube-session.js';

const stored = (name: string, rest: object, metadata: object = {}): Stored => ({
  metadata: { name, namespace: 'n', ...metadata },
  ...rest,
});
const condition = (type: string, status: string, reason?: string) => ({ type, status, ...(reason ? { reason } : {}) });
const pod = (name: string, status: object, spec: object = {}, metadata: object = {}): Stored =>
  stored(name, { spec: { containers: [{ name: 'c' }], ...spec }, status }, metadata);
const run = (state: object, rest: object = {}) => [{ name: 'c', ready: false, restartCount: 0, state, ...rest }];
const waits = (reason: string, rest: object = {}) => run({ waiting: { reason } }, rest);
const killed = { lastState: { terminated: { reason: 'OOMKilled', exitCode: 137 } } };

/** One pod in each state that a filter tells from the others. */
const pods: readonly Stored[] = [
  pod('well', {
    phase: 'Running',
    conditions: [condition('Ready', 'True')],
    containerStatuses: run({ running: {} }, { ready: true }),
  }),
  pod('probed', { phase: 'Running', containerStatuses: run({ running: {} }) }, { serviceAccountName: 'sa' }),
  pod('crashing', { phase: 'Running', containerStatuses: waits('CrashLoopBackOff') }),
  pod('killed', { phase: 'Running', containerStatuses: waits('CrashLoopBackOff', killed) }),
  pod('making', { phase: 'Pending', containerStatuses: waits('ContainerCreating') }, { nodeName: 'node-1' }),
  pod('nowhere', { phase: 'Pending', conditions: [condition('PodScheduled', 'False', 'Unschedulable')] }),
  pod('done', { phase: 'Succeeded', containerStatuses: run({ terminated: { reason: 'Completed', exitCode: 0 } }) }),
  pod('failed', { phase: 'Failed', containerStatuses: run({ terminated: { reason: 'Error', exitCode: 1 } }) }),
  pod('leaving', { phase: 'Running' }, {}, { deletionTimestamp: '2026-01-01T00:00:00Z' }),
];

/** By kind: what works, what is broken, what is on its way. */
const others = {
  deployments: [
    stored('works', { spec: { replicas: 1 }, status: { replicas: 1, updatedReplicas: 1, availableReplicas: 1 } }),
    stored('broken', {
      status: { conditions: [condition('Progressing', 'False', 'ProgressDeadlineExceeded')] },
    }),
    stored('coming', { spec: { replicas: 2 }, status: { replicas: 1, updatedReplicas: 1 } }),
  ],
  jobs: [
    stored('works', { status: { conditions: [condition('Complete', 'True')] } }),
    stored('broken', { status: { conditions: [condition('Failed', 'True')] } }),
    stored('coming', { status: { active: 1 } }),
  ],
  persistentvolumeclaims: [
    stored('works', { status: { phase: 'Bound' } }),
    stored('broken', { status: { phase: 'Lost' } }),
    stored('coming', { status: { phase: 'Pending' } }),
  ],
  services: [
    stored('works', { spec: { type: 'ClusterIP', clusterIP: '10.0.0.1' } }),
    stored('coming', { spec: { type: 'LoadBalancer', clusterIP: '10.0.0.2' } }),
  ],
} as const;

const named = async (query: PromiseLike<readonly { readonly name: string }[]>) =>
  (await query).map(({ name }) => name).sort();

describe('filters by what a state amounts to', () => {
  let api: FakeKubeApi;
  let session: KubeSession;
  let k8: Kat;
  beforeAll(async () => {
    api = await FakeKubeApi.open();
    session = api.session();
    k8 = kat(session);
    for (const each of pods) api.put('pods', each);
    for (const [collection, objects] of Object.entries(others)) for (const each of objects) api.put(collection, each);
  });
  afterAll(async () => {
    await session.close();
    api.close();
  });

  it.each<[string, (all: PodQuery) => PodQuery, string[]]>([
    ['working', (all) => all.working(), ['done', 'well']],
    ['broken', (all) => all.broken(), ['crashing', 'failed', 'killed', 'nowhere', 'probed']],
    ['pending', (all) => all.pending(), ['leaving', 'making']],
    ['settled', (all) => all.settled(), ['crashing', 'done', 'failed', 'killed', 'nowhere', 'probed', 'well']],
    ['running', (all) => all.running(), ['probed', 'well']],
    ['creating', (all) => all.creating(), ['making', 'nowhere']],
    ['terminating', (all) => all.terminating(), ['leaving']],
    ['succeeded', (all) => all.succeeded(), ['done']],
    ['notSucceeded', (all) => all.notSucceeded().broken(), ['crashing', 'failed', 'killed', 'nowhere', 'probed']],
    ['failed', (all) => all.failed(), ['failed']],
    ['ready', (all) => all.ready(), ['well']],
    ['notReady', (all) => all.notReady().working(), []],
    ['status, in any case', (all) => all.status('crashloopbackoff', 'Completed'), ['crashing', 'done', 'killed']],
    ['crashing', (all) => all.crashing(), ['crashing', 'killed']],
    ['oomKilled', (all) => all.oomKilled(), ['killed']],
    ['unschedulable', (all) => all.unschedulable(), ['nowhere']],
    ['onNode', (all) => all.onNode('node-1'), ['making']],
    ['withServiceAccount', (all) => all.withServiceAccount('sa'), ['probed']],
  ])('of pods: %s', async (_, narrow, names) => {
    expect((await narrow(k8.pods()).pluck('name')).sort()).toEqual(names);
  });

  it.each([
    ['deps', ['works'], ['broken'], ['coming']],
    ['jobs', ['works'], ['broken'], ['coming']],
    ['pvcs', ['works'], ['broken'], ['coming']],
    ['svcs', ['works'], [], ['coming']],
  ] as const)('of %s: working, broken, pending, settled', async (kind, working, broken, pending) => {
    const all = () => k8[kind]();
    expect(await named(all().working())).toEqual(working);
    expect(await named(all().broken())).toEqual(broken);
    expect(await named(all().pending())).toEqual(pending);
    expect(await named(all().settled())).toEqual([...broken, ...working]);
  });
});
