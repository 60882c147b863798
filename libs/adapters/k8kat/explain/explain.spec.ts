import { Fault } from '@nm/kernel/fault';
import { describe, expect, it } from 'vitest';
import type { PodJson } from '../state/pod-status.js';
import { explainClaim } from './explain-claim.js';
import { explainFault } from './explain-fault.js';
import { explainPod } from './explain-pod.js';
import { explainService } from './explain-service.js';
import { explainWorkload } from './explain-workload.js';
import type { EventJson } from './explanation.js';
import { schedulingRefusals } from './scheduling.js';

const nowMs = Date.parse('2026-01-01T01:00:00Z');
const event = (reason: string, message: string, more: object = {}): EventJson =>
  ({ reason, message, metadata: {}, involvedObject: {}, lastTimestamp: '2026-01-01T00:59:00Z', ...more }) as EventJson;
const pod = (status: object, spec: object = {}, metadata: object = {}): PodJson =>
  ({
    metadata: { name: 'p', namespace: 'n', ...metadata },
    spec: { containers: [{ name: 'c' }], ...spec },
    status,
  }) as PodJson;
const withState = (state: object, more: object = {}, phase = 'Pending') => ({
  phase,
  containerStatuses: [{ name: 'c', image: 'reg/app:1', restartCount: 3, state, ...more }],
});
const waiting = (reason: string, message = '') => withState({ waiting: { reason, message } });
const crashed = (exitCode: number, more: object = {}) =>
  withState(
    { waiting: { reason: 'CrashLoopBackOff' } },
    { lastState: { terminated: { exitCode, ...more } } },
    'Running',
  );
const explain = (given: PodJson, ...events: EventJson[]) => explainPod({ pod: given, events, nowMs });
const unready = withState({ running: {} }, { ready: false, started: true }, 'Running');

describe('explainPod', () => {
  it.each<[string, string, PodJson, EventJson[]]>([
    [
      'ImagePull',
      'There is no such image or tag.',
      pod(waiting('ImagePullBackOff', 'Back-off')),
      [event('Failed', 'Failed to pull image "reg/app:1": not found')],
    ],
    ['ImagePull', 'credentials', pod(waiting('ErrImagePull', 'pull access denied, 401 Unauthorized')), []],
    ['ImagePull', 'limits how often', pod(waiting('ErrImagePull', '429 toomanyrequests')), []],
    ['ImagePull', 'does not reach', pod(waiting('ErrImagePull', 'dial tcp: lookup reg: no such host')), []],
    ['ImagePull', 'does not trust', pod(waiting('ErrImagePull', 'x509: certificate signed by unknown authority')), []],
    ['ImagePull', 'processor', pod(waiting('ErrImagePull', 'no match for platform in manifest')), []],
    ['ImagePull', 'Never', pod(waiting('ErrImageNeverPull')), []],
    ['ImagePull', 'breaks the rules', pod(waiting('InvalidImageName')), []],
    [
      'ConfigMissing',
      'was never made',
      pod(waiting('CreateContainerConfigError', 'configmap "settings" not found')),
      [],
    ],
    [
      'ConfigMissing',
      'no such key',
      pod(waiting('CreateContainerConfigError', "couldn't find key k in ConfigMap n/settings")),
      [],
    ],
    [
      'ConfigMissing',
      'was never made',
      pod(waiting('ContainerCreating')),
      [event('FailedMount', 'MountVolume.SetUp failed for volume "v" : secret "creds" not found')],
    ],
    [
      'VolumeMount',
      'one node at a time',
      pod(waiting('ContainerCreating')),
      [event('FailedAttachVolume', 'Multi-Attach error for volume "pvc-1"')],
    ],
    [
      'SandboxFailure',
      'network plugin',
      pod(waiting('ContainerCreating')),
      [event('FailedCreatePodSandBox', 'no IP addresses available')],
    ],
    ['OOMKilled', 'The limit is lower', pod(crashed(137, { reason: 'OOMKilled' })), []],
    [
      'OOMKilled',
      'The limit is lower',
      pod(
        withState(
          { waiting: { reason: 'ContainerCreating' } },
          { lastState: { terminated: { exitCode: 137, reason: 'OOMKilled' } } },
        ),
      ),
      [],
    ],
    ['CommandNotFound', 'no such program', pod(crashed(127)), []],
    [
      'CommandNotFound',
      'no such program',
      pod(
        withState({
          waiting: { reason: 'RunContainerError', message: 'exec: "nope": executable file not found in $PATH' },
        }),
      ),
      [],
    ],
    ['AppCrash', 'an error of the program itself', pod(crashed(1)), []],
    ['AppCrash', 'SIGSEGV', pod(crashed(139)), []],
    [
      'LivenessKill',
      'Nothing listens',
      pod(crashed(137, { reason: 'Error' })),
      [
        event('Unhealthy', 'Liveness probe failed: dial tcp: connection refused'),
        event('Killing', 'Container c failed liveness probe, will be restarted'),
      ],
    ],
    [
      'StartupProbe',
      'in time',
      pod({ ...unready, containerStatuses: [{ name: 'c', restartCount: 1, state: { running: {} }, started: false }] }),
      [event('Unhealthy', 'Startup probe failed: timeout')],
    ],
    [
      'NotReady',
      'answers with 503',
      pod(unready),
      [event('Unhealthy', 'Readiness probe failed: HTTP probe failed with statuscode: 503')],
    ],
    [
      'SchedulingGated',
      'gates',
      pod(
        { phase: 'Pending', conditions: [{ type: 'PodScheduled', status: 'False', reason: 'SchedulingGated' }] },
        { schedulingGates: [{ name: 'g' }] },
      ),
      [],
    ],
    [
      'Evicted',
      'short of memory',
      pod({ phase: 'Failed', reason: 'Evicted', message: 'The node was low on resource: memory.' }),
      [],
    ],
    [
      'Preempted',
      'higher priority',
      pod({
        phase: 'Running',
        conditions: [{ type: 'DisruptionTarget', status: 'True', reason: 'PreemptionByScheduler' }],
      }),
      [],
    ],
    ['DeadlineExceeded', 'longer than it was allowed', pod({ phase: 'Failed', reason: 'DeadlineExceeded' }), []],
    ['Failed', '', pod({ phase: 'Failed', reason: 'UnexpectedAdmissionError', message: 'no device left' }), []],
    [
      'StuckTerminating',
      'finalizers off',
      pod({ phase: 'Running' }, {}, { deletionTimestamp: '2026-01-01T00:50:00Z', finalizers: ['x/y'] }),
      [],
    ],
  ])('%s: %s', (code, cause, given, events) => {
    const found = explain(given, ...events);
    expect(found?.code).toBe(code);
    if (code !== 'SchedulingGated' && code !== 'StuckTerminating') expect(found?.causes.join(' ')).toContain(cause);
    expect(found?.evidence.length).toBeGreaterThan(0);
    expect(found?.remedies.length).toBeGreaterThan(0);
  });

  it('says nothing of what is well, starts, ends in time or has got over it', () => {
    const well = withState({ running: {} }, { ready: true, started: true, restartCount: 0 }, 'Running');
    const ready = { ...well, conditions: [{ type: 'Ready', status: 'True' }] };
    const earlier = event('Unhealthy', 'Readiness probe failed: connection refused');
    expect(explain(pod(ready), earlier)).toBeUndefined();
    expect(explain(pod(waiting('ContainerCreating')))).toBeUndefined();
    expect(explain(pod({ phase: 'Succeeded' }))).toBeUndefined();
    expect(explain(pod({ phase: 'Running' }, {}, { deletionTimestamp: '2026-01-01T00:59:50Z' }))).toBeUndefined();
    const restarted = {
      ...ready.containerStatuses[0]!,
      lastState: { terminated: { exitCode: 137, reason: 'OOMKilled' } },
    };
    expect(explain(pod({ ...ready, containerStatuses: [restarted] }))).toBeUndefined();
  });

  it('takes the scheduler’s sentence apart', () => {
    const message =
      "0/5 nodes are available: 1 Insufficient cpu, 1 node(s) had untolerated taint {a: b, c}, 3 node(s) didn't match Pod's node affinity/selector. preemption: 0/5 nodes are available: 5 Preemption is not helpful.";
    expect(schedulingRefusals(message)).toEqual([
      { nodes: 1, reason: 'Insufficient cpu' },
      { nodes: 1, reason: 'had untolerated taint {a: b, c}' },
      { nodes: 3, reason: "didn't match Pod's node affinity/selector" },
    ]);
    const spec = { containers: [{ name: 'c', resources: { requests: { cpu: '50' } } }] };
    const found = explain(
      pod(
        { phase: 'Pending', conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message }] },
        spec,
      ),
    );
    expect(found).toMatchObject({ code: 'Unschedulable', summary: expect.stringContaining('1 × Insufficient cpu') });
    expect(found?.evidence[1]?.text).toContain('50 cpu');
    expect(found?.remedies).toHaveLength(3);
  });

  it('says which init container holds the others up', () => {
    const initContainerStatuses = [
      { name: 'i', image: 'x', restartCount: 0, state: { waiting: { reason: 'ErrImagePull', message: 'not found' } } },
    ];
    const found = explain(pod({ phase: 'Pending', initContainerStatuses }, { initContainers: [{ name: 'i' }] }));
    expect(found).toMatchObject({
      code: 'ImagePull',
      container: 'i',
      summary: expect.stringMatching(/^Init container: /),
    });
  });

  it('sees a probe that looks at a port which the container does not name', () => {
    const spec = {
      containers: [
        { name: 'c', ports: [{ containerPort: 80 }], readinessProbe: { httpGet: { port: 8080, path: '/ok' } } },
      ],
    };
    const found = explain(pod(unready, spec), event('Unhealthy', 'Readiness probe failed: connection refused'));
    expect(found?.causes[0]).toContain('port 8080, but the container names 80');
  });
});

describe('explainWorkload', () => {
  const refused = (message: string) => ({
    metadata: { namespace: 'n' },
    status: { conditions: [{ type: 'ReplicaFailure', status: 'True', message }] },
  });
  it.each([
    ['QuotaExceeded', 'pods "x" is forbidden: exceeded quota: small, requested: pods=1, used: pods=2, limited: pods=2'],
    ['QuotaExceeded', 'pods "x" is forbidden: failed quota: small: must specify limits.cpu for: c'],
    [
      'ServiceAccountMissing',
      'pods "x" is forbidden: error looking up service account n/none: serviceaccount "none" not found',
    ],
    ['AdmissionDenied', 'pods "x" is forbidden: violates PodSecurity "restricted:latest": privileged'],
  ])('%s', (code, message) => expect(explainWorkload(refused(message), [])?.code).toBe(code));

  it('reads the numbers of a quota, and takes an event when there is no condition', () => {
    const message = 'exceeded quota: small, requested: cpu=2,memory=1Gi, used: cpu=1, limited: cpu=2';
    expect(explainWorkload({}, [event('FailedCreate', message)])?.summary).toBe(
      'Quota "small" is used up: wanted cpu=2,memory=1Gi, used cpu=1, allowed cpu=2.',
    );
  });
});

describe('explainService', () => {
  const base = {
    name: 's',
    namespace: 'n',
    type: 'ClusterIP',
    selector: { app: 'web', tier: 'x' },
    ports: [{ port: 80, targetPort: 'http' }],
    hasAddress: true,
    readyAddresses: 0,
  };
  const labelled = (labels: object, port = 'http') =>
    pod(
      { phase: 'Running' },
      { containers: [{ name: 'c', ports: [{ name: port, containerPort: 8080 }] }] },
      { labels },
    );
  it.each([
    ['WrongSelector', { ...base, pods: [labelled({ app: 'web', tier: 'y' }), labelled({ other: '1' })] }],
    ['WrongSelector', { ...base, pods: [] }],
    ['WrongPort', { ...base, pods: [labelled(base.selector, 'web')] }],
    ['NoReadyEndpoints', { ...base, pods: [labelled(base.selector)] }],
    ['NoEndpoints', { ...base, selector: undefined, pods: [] }],
    [
      'NoLoadBalancer',
      { ...base, type: 'LoadBalancer', hasAddress: false, readyAddresses: 1, pods: [labelled(base.selector)] },
    ],
    [undefined, { ...base, readyAddresses: 1, pods: [labelled(base.selector)] }],
    [undefined, { ...base, type: 'ExternalName', pods: [] }],
  ])('%s', (code, facts) => expect(explainService(facts)?.code).toBe(code));

  it('shows the pod that comes nearest', () => {
    const found = explainService({ ...base, pods: [labelled({ app: 'web', tier: 'y' })] });
    expect(found?.evidence[1]?.text).toBe('pod p has 1 of 2 pairs: app=web,tier=y');
  });
});

describe('explainClaim', () => {
  const claim = (storageClassName?: string, phase = 'Pending') =>
    ({ metadata: { name: 'c', namespace: 'n' }, spec: { storageClassName }, status: { phase } }) as never;
  const classes = [
    { metadata: { name: 'late' }, provisioner: 'p', volumeBindingMode: 'WaitForFirstConsumer' },
    { metadata: { name: 'now' }, provisioner: 'p' },
  ] as never;
  const facts = { classes, usedBy: [], events: [] };
  it.each([
    ['StorageClassMissing', { ...facts, claim: claim('none') }],
    ['StorageClassMissing', { ...facts, claim: claim() }],
    ['WaitsForPod', { ...facts, claim: claim('late') }],
    ['VolumePending', { ...facts, claim: claim('late'), usedBy: ['p'] }],
    ['ProvisioningFailed', { ...facts, claim: claim('now'), events: [event('ProvisioningFailed', 'disk quota')] }],
    ['VolumeLost', { ...facts, claim: claim('now', 'Lost') }],
    [undefined, { ...facts, claim: claim('now', 'Bound') }],
  ])('%s', (code, given) => expect(explainClaim(given)?.code).toBe(code));
});

describe('explainFault', () => {
  const forbidden = (text: string) =>
    explainFault(new Fault('cluster_forbidden', { public: text, extra: { status: 403 } }));
  it('says who may not do what where, and how to allow it', () => {
    const found = forbidden(
      'deployments.apps is forbidden: User "system:serviceaccount:a:b" cannot list resource "deployments" in API group "apps" in the namespace "a"',
    );
    expect(found).toMatchObject({
      code: 'Forbidden',
      summary: 'system:serviceaccount:a:b may not list deployments.apps in namespace a.',
    });
    expect(found?.remedies.map(({ command }) => command)).toEqual([
      'kubectl create role NAME --verb=list --resource=deployments.apps -n a',
      'kubectl create rolebinding NAME --role=NAME --serviceaccount=a:b -n a',
    ]);
    expect(
      forbidden('pods is forbidden: User "u" cannot watch resource "pods" in API group "" at the cluster scope')
        ?.summary,
    ).toBe('u may not watch pods in the whole cluster.');
  });
  it('tells a quota from missing rights, and says nothing of other faults', () => {
    expect(
      forbidden('pods "x" is forbidden: exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1')?.code,
    ).toBe('QuotaExceeded');
    expect(explainFault(new Fault('cluster_unreachable'))).toBeUndefined();
    expect(explainFault(new Error('other'))).toBeUndefined();
  });
});
