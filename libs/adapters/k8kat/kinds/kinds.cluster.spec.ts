import { EgressPolicy } from '@nm/adapters/egress';
import { newId } from '@nm/kernel/ids';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { adminTarget } from '../../../testing/admin-target.js';
import { describeWith } from '../../../testing/needs.js';
import { explainFault, type KubeObject, KubeSession } from '../index.js';
import { Kat } from '../kat.js';
import { exec } from '../streams/exec.js';
import { proxyToService } from '../streams/service-proxy.js';

const policy = new EgressPolicy({ allow: ['127.0.0.0/8', '::1'] });
const timeoutMs = 60_000;
const manager = { fieldManager: 'kinds-spec' };

/** Counts the requests that leave, by wrapping the session's one door. */
class CountingSession extends KubeSession {
  requests: string[] = [];
  override request<T>(...given: Parameters<KubeSession['request']>): Promise<T> {
    this.requests.push(`${given[0]} ${given[1]}`);
    return super.request<T>(...given);
  }
}

const labels = (app: string) => ({ selector: { matchLabels: { app } }, template: templateOf(app) });
const templateOf = (app: string, more: object = {}) => ({
  metadata: { labels: { app } },
  spec: {
    containers: [{ name: 'c', image: 'reg.test/app:1', resources: { requests: { cpu: '10m', memory: '8Mi' } } }],
    ...more,
  },
});
const tolerations = [{ key: 'only', operator: 'Exists' }];
const object = (apiVersion: string, kind: string, namespace: string, name: string, body: object): KubeObject => ({
  apiVersion,
  kind,
  metadata: { name, namespace },
  ...body,
});

describeWith(['kubernetes'], 'wrappers, relations and actions on a real API server', () => {
  let session: CountingSession;
  let kat: Kat;
  const ns = `kinds-${newId('request').slice(-8)}`;
  const other = `${ns}-2`;
  const deps = ['one', 'two', 'three'];
  const apply = (given: KubeObject) => session.apply(given, manager);
  const make = (apiVersion: string, kind: string, name: string, body: object) =>
    apply(object(apiVersion, kind, ns, name, body));
  const requestsOf = async (work: () => Promise<unknown>) => {
    session.requests = [];
    await work();
    return session.requests;
  };

  beforeAll(async () => {
    session = new CountingSession(await adminTarget(), { policy });
    kat = new Kat(session);
    for (const name of [ns, other]) await apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    for (const name of deps) {
      await make('apps/v1', 'Deployment', name, { spec: { replicas: 2, ...labels(name) } });
      await make('v1', 'Service', name, { spec: { selector: { app: name }, ports: [{ port: 80, targetPort: 8080 }] } });
    }
    // Same labels, other owner: what a match by labels would take for the deployment's own.
    await make('v1', 'Pod', 'stray', {
      metadata: { name: 'stray', namespace: ns, labels: { app: 'one' } },
      spec: templateOf('one').spec,
    });
    await kat
      .deps()
      .ns(ns)
      .waitUntil((all) => all.length === 3 && all.every((dep) => dep.isReady), { timeoutMs });
  }, 120_000);
  afterAll(async () => {
    for (const name of [ns, other]) await session.delete({ apiVersion: 'v1', kind: 'Namespace', name });
    await session.close();
  });

  it('relates deployments to the pods that they own, not to all that their selector catches', async () => {
    const pods = await kat.deps().ns(ns).find('one').pods();
    expect(pods.map((pod) => pod.name.replace(/-[^-]+-[^-]+$/, ''))).toEqual(['one', 'one']);
    expect(await kat.svcs().ns(ns).find('one').pods().count()).toBe(3);
    const [pod] = pods;
    expect(await pod?.svcs().pluck('name')).toEqual(['one']);
    expect(await pod?.replicaSets().pluck('ns')).toEqual([ns]);
    expect(await kat.rs().ns(ns).deps().pluck('name')).toEqual(expect.arrayContaining(deps));
    expect((await pod?.nodes())?.[0]?.isReady).toBe(true);
  });

  it('loads relatives of many in one query each, however many there are', async () => {
    const loading = await requestsOf(async () => {
      for (const dep of await kat.deps().ns(ns).with('pods', 'svcs')) {
        expect(await dep.pods()).toHaveLength(2);
        expect(await dep.svcs().pluck('name')).toEqual([dep.name]);
      }
    });
    // Deployments, replica sets, pods, services.
    expect(loading).toHaveLength(4);
    const flat = await requestsOf(async () => expect(await kat.deps().ns(ns).pods().count()).toBe(6));
    expect(flat).toHaveLength(3);
    const back = await requestsOf(async () => {
      for (const pod of await kat.pods().ns(ns).with('nodes', 'svcs', 'events')) {
        await pod.nodes();
        await pod.svcs();
        await pod.events();
      }
    });
    // Pods, services, events; the few nodes that they name are read by name.
    expect(back.filter((request) => !request.includes('/nodes/'))).toHaveLength(3);
  });

  it('scales relatively without losing a step when many do it at once', async () => {
    const dep = await kat.deps().ns(ns).findOrFail('two');
    await Promise.all([1, 2, 3].map(async () => (await kat.deps().ns(ns).findOrFail('two')).scale({ by: 1 })));
    expect((await dep.reload())?.desired).toBe(5);
    expect((await dep.scale({ by: -99 })).desired).toBe(0);
    expect((await dep.scale(2)).desired).toBe(2);
  });

  it('restarts, changes the image, and goes back to an earlier revision', async () => {
    const dep = await kat.deps().ns(ns).findOrFail('three');
    await dep.waitUntil((each) => each.rollout.state === 'done', { timeoutMs });
    await dep.restart();
    await dep.waitUntil((each) => each.rollout.state === 'done', { timeoutMs });
    await dep.setImage('reg.test/app:2');
    await dep.waitUntil((each) => each.rollout.state === 'done' && each.revision === 3, { timeoutMs });
    expect((await dep.newPods()).map(({ image }) => image)).toEqual(['reg.test/app:2', 'reg.test/app:2']);
    expect((await dep.history()).map(({ revision }) => revision)).toEqual([1, 2, 3]);
    await dep.undo();
    expect(dep.image).toBe('reg.test/app:1');
    expect(dep.raw.spec?.template?.metadata?.annotations).toHaveProperty(['kubectl.kubernetes.io/restartedAt']);
    await expect(dep.undo(99)).rejects.toMatchObject({ extra: { reason: 'NoRevision' } });
    await expect(dep.setImage('x', 'no-such')).rejects.toMatchObject({ code: 'kube_api' });
  });

  it('undoes stateful and daemon sets, and scales only what can be', async () => {
    await make('apps/v1', 'StatefulSet', 'db', { spec: { replicas: 1, serviceName: 'db', ...labels('db') } });
    await make('apps/v1', 'DaemonSet', 'agent', {
      spec: { ...labels('agent'), template: templateOf('agent', { tolerations }) },
    });
    const done = { timeoutMs };
    const [db] = await kat
      .sts()
      .ns(ns)
      .waitUntil((all) => all[0]?.rollout.state === 'done', done);
    const [agent] = await kat
      .ds()
      .ns(ns)
      .waitUntil((all) => all[0]?.rollout.state === 'done', done);
    await db!.setImage('reg.test/app:2');
    await agent!.setImage('reg.test/app:2');
    await db!.waitUntil((each) => each.rollout.state === 'done' && each.image === 'reg.test/app:2', done);
    await agent!.waitUntil((each) => each.rollout.state === 'done' && each.image === 'reg.test/app:2', done);
    expect([(await db!.undo()).image, (await agent!.undo()).image]).toEqual(['reg.test/app:1', 'reg.test/app:1']);
    expect(await agent!.pods().count()).toBeGreaterThan(0);
    await expect(kat.ds().ns(ns).find('agent').scale()).rejects.toMatchObject({ code: 'kube_api' });
    expect((await (await kat.sts().ns(ns).findOrFail('db')).scale({ by: 1 })).desired).toBe(2);
  });

  it('starts a job from a cron job, which owns it', async () => {
    const jobTemplate = { spec: { template: templateOf('job', { restartPolicy: 'Never' }) } };
    await make('batch/v1', 'CronJob', 'nightly', { spec: { schedule: '0 3 * * *', suspend: true, jobTemplate } });
    const cronJob = await kat.cronjobs().ns(ns).findOrFail('nightly');
    const name = await cronJob.run();
    expect(await cronJob.jobs().pluck('name')).toEqual([name]);
    const job = await kat.jobs().ns(ns).findOrFail(name);
    expect(await job.cronJobs().pluck('name')).toEqual(['nightly']);
    await kat
      .pods()
      .ns(ns)
      .ownedBy(job)
      .waitUntil((all) => all.length > 0, { timeoutMs });
    expect((await cronJob.resume()).isSuspended).toBe(false);
    expect((await job.suspend()).raw.spec?.suspend).toBe(true);
  });

  it('cordons and drains a node as budgets allow, and leaves daemon sets alone', async () => {
    // A node of its own: others' tests have pods on the shared ones.
    const name = `${ns}-node`;
    const _taints = [{ key: 'only', value: ns, effect: 'NoSchedule' }];
    const annotations = { 'kwok.x-k8s.io/node': 'fake', 'node.alpha.kubernetes.io/ttl': '0' };
    await apply({
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name, labels: { only: ns, type: 'kwok' }, annotations },
    });
    const [fresh] = await kat
      .nodes()
      .names(name)
      .waitUntil((all) => all[0]?.isReady === true, { timeoutMs });
    const node = fresh!;
    const workload = {
      selector: { matchLabels: { app: 'pinned' } },
      template: templateOf('pinned', { nodeSelector: { only: ns }, tolerations }),
    };
    await make('apps/v1', 'Deployment', 'pinned', { spec: { replicas: 2, ...workload } });
    await kat
      .deps()
      .ns(ns)
      .names('pinned')
      .waitUntil((all) => all[0]?.isReady === true, { timeoutMs });
    const onNode = { ...templateOf('pinned').spec, nodeName: name };
    await make('v1', 'Pod', 'bare', {
      metadata: { name: 'bare', namespace: ns, labels: { app: 'bare' } },
      spec: onNode,
    });
    const policyOf = (minAvailable: number) => ({
      spec: { minAvailable, selector: { matchLabels: { app: 'pinned' } } },
    });
    await make('policy/v1', 'PodDisruptionBudget', 'pinned', policyOf(2));
    const budgets = kat.pdbs().ns(ns);
    await budgets.waitUntil((all) => all[0]?.expected === 2, { timeoutMs });
    expect(await budgets.find('pinned').pods().count()).toBe(2);
    expect(await budgets.blocking().pluck('name')).toEqual(['pinned']);
    expect((await node.room()).cpu.requested).toBe(0.04);
    try {
      await expect(node.drain()).rejects.toMatchObject({ extra: { reason: 'DrainRefused' } });
      await expect(node.drain({ force: true, timeoutMs: 2_000 })).rejects.toMatchObject({ name: 'TimeoutError' });
      expect(await kat.deps().ns(ns).find('pinned').pods().onNode(name).count()).toBe(2);
      await make('policy/v1', 'PodDisruptionBudget', 'pinned', policyOf(0));
      const report = await node.drain({ force: true, timeoutMs });
      expect(report.evicted).toHaveLength(2);
      expect(report.left).toEqual([expect.stringContaining('agent')]);
      expect(await kat.nodes().cordoned().pluck('name')).toContain(name);
      expect((await node.uncordon()).isCordoned).toBe(false);
    } finally {
      await session.delete({ apiVersion: 'v1', kind: 'Node', name });
    }
  });

  it('reads and writes config maps, finds who uses them, and never shows secrets', async () => {
    await make('v1', 'ConfigMap', 'settings', { data: { master: '{"a":1}', list: 'x: [1, 2]' } });
    await make('v1', 'Secret', 'creds', { stringData: { password: 'hunter2-ü' } });
    const env = {
      envFrom: [{ configMapRef: { name: 'settings' } }],
      env: [{ name: 'P', valueFrom: { secretKeyRef: { name: 'creds', key: 'password' } } }],
    };
    await make('v1', 'Pod', 'user', { spec: { containers: [{ name: 'c', image: 'i', ...env }] } });
    const map = await kat.configMaps().ns(ns).findOrFail('settings');
    expect([map.json('master'), map.yaml('list'), map.json('none', 7)]).toEqual([{ a: 1 }, { x: [1, 2] }, 7]);
    await Promise.all([
      map.merge('master', { b: 2 }),
      (await kat.configMaps().ns(ns).findOrFail('settings')).merge('master', { c: 3 }),
    ]);
    await map.set({ extra: { z: true } });
    await map.remove('list');
    const { master, ...others } = (await map.reload())?.data ?? {};
    expect([JSON.parse(master ?? ''), others]).toEqual([{ a: 1, b: 2, c: 3 }, { extra: '{"z":true}' }]);
    expect(await map.usedBy().pluck('name')).toEqual(['user']);
    const secret = await kat.secrets().ns(ns).findOrFail('creds');
    expect(secret.decoded()).toEqual({ password: 'hunter2-ü' });
    expect(await secret.usedBy().pluck('name')).toEqual(['user']);
    const { inspect } = await import('node:util');
    const shown = `${secret} ${JSON.stringify(secret)} ${inspect(secret)} ${secret.raw.data?.['password'] ? '' : 'lost'}`;
    expect(shown).not.toMatch(/hunter2|aHVudGVyMi/);
  });

  it('follows services to their endpoints, ingresses to services, accounts to their roles', async () => {
    const svc = await kat.svcs().ns(ns).findOrFail('one');
    await kat
      .endpointSlices()
      .ns(ns)
      .labels(`kubernetes.io/service-name=one`)
      .waitUntil((all) => all.some((slice) => slice.addresses.length > 0), { timeoutMs });
    expect((await svc.endpoints()).every(({ pod }) => pod !== undefined)).toBe(true);
    const [slice] = await svc.endpointSlices();
    expect(await slice?.svcs().pluck('name')).toEqual(['one']);
    expect([svc.shortDns, svc.fqdn, svc.fromPort, svc.toPort]).toEqual([
      `one.${ns}`,
      `one.${ns}.svc.cluster.local`,
      80,
      8080,
    ]);
    const backend = { service: { name: 'one', port: { number: 80 } } };
    const rules = [{ host: 'x.test', http: { paths: [{ path: '/', pathType: 'Prefix', backend }] } }];
    await make('networking.k8s.io/v1', 'Ingress', 'in', { spec: { rules, defaultBackend: backend } });
    const ingress = await kat.ingresses().ns(ns).findOrFail('in');
    expect(ingress.basicRules).toEqual({
      'x.test': [{ path: '/', service: 'one', port: 80 }],
      '*': [{ path: '/', service: 'one', port: 80 }],
    });
    expect(await ingress.svcs().pluck('name')).toEqual(['one']);
    expect(await svc.ingresses().pluck('name')).toEqual(['in']);
    await make('rbac.authorization.k8s.io/v1', 'Role', 'reader', {
      rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }],
    });
    const subjects = [{ kind: 'ServiceAccount', name: 'default', namespace: ns }];
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'reader' };
    await make('rbac.authorization.k8s.io/v1', 'RoleBinding', 'reader', { roleRef, subjects });
    const account = await kat.serviceAccounts().ns(ns).findOrFail('default');
    const [binding] = await account.roleBindings();
    expect(binding?.name).toBe('reader');
    expect((await binding?.roles())?.[0]?.allows('get', 'pods')).toBe(true);
  });

  it('explains what this API server refuses: a quota that is used up, and missing rights', async () => {
    await apply(object('v1', 'ResourceQuota', other, 'small', { spec: { hard: { pods: '1' } } }));
    await kat
      .quotas()
      .ns(other)
      .waitUntil((all) => all[0]?.raw.status?.hard !== undefined, { timeoutMs });
    await apply(object('apps/v1', 'Deployment', other, 'big', { spec: { replicas: 2, ...labels('big') } }));
    const dep = await kat.deps().ns(other).findOrFail('big');
    await kat
      .rs()
      .ns(other)
      .waitUntil((all) => all.some((set) => set.rollout.state === 'failed'), { timeoutMs });
    await dep.waitUntil((each) => JSON.stringify(each.raw.status?.conditions).includes('ReplicaFailure'), {
      timeoutMs,
    });
    expect(await dep.explainError()).toMatchObject({
      code: 'QuotaExceeded',
      summary: expect.stringContaining('"small" is used up'),
    });
    const quota = await kat.quotas().ns(other).findOrFail('small');
    expect([quota.use('pods'), quota.exhausted]).toEqual([{ allowed: 1, used: 1 }, ['pods']]);
    const { token } = await session.requestToken(other, 'default', 600);
    const nobody = new KubeSession(
      { ...(await adminTarget()), clientCertificate: undefined, clientKey: undefined, token },
      { policy },
    );
    const refused = await new Kat(nobody)
      .secrets()
      .ns(other)
      .all()
      .catch((error: unknown) => error);
    expect(explainFault(refused)).toMatchObject({
      code: 'Forbidden',
      summary: `system:serviceaccount:${other}:default may not list secrets in namespace ${other}.`,
    });
    await nobody.close();
  });

  it('is somebody else where it is asked to be, also where requests go past the ordinary way', async () => {
    const asAccount = session.as({
      user: `system:serviceaccount:${other}:default`,
      groups: ['system:serviceaccounts'],
    });
    const theirs = new Kat(asAccount);
    await expect(theirs.pods().ns(ns).all()).rejects.toMatchObject({ code: 'cluster_forbidden' });
    const svc = await kat.svcs().ns(ns).findOrFail('one');
    const refused = await proxyToService(asAccount, { namespace: ns, name: svc.name, port: 80 }, 'GET', '/');
    expect(refused).toMatchObject({ status: 403, text: expect.stringContaining('cannot get resource') });
    const place = { namespace: ns, pod: (await svc.pods().pluck('name'))[0] ?? '' };
    await expect(exec(asAccount, place, ['true'])).rejects.toMatchObject({ code: 'cluster_forbidden' });
  });

  it('explains a claim without a volume and a pod that no node takes', async () => {
    await make('v1', 'PersistentVolumeClaim', 'data', {
      spec: {
        storageClassName: 'no-such',
        accessModes: ['ReadWriteOnce'],
        resources: { requests: { storage: '1Gi' } },
      },
    });
    const claim = await kat.pvcs().ns(ns).findOrFail('data');
    expect(await claim.explainError()).toMatchObject({ code: 'StorageClassMissing' });
    const spec = { containers: [{ name: 'c', image: 'i', resources: { requests: { cpu: '5000' } } }] };
    await make('v1', 'Pod', 'huge', { spec });
    const huge = await kat.pods().ns(ns).findOrFail('huge');
    await huge.waitUntil((pod) => pod.isUnschedulable, { timeoutMs });
    expect(await kat.pods().ns(ns).unschedulable().pluck('name')).toContain('huge');
    expect(await huge.explainError()).toMatchObject({
      code: 'Unschedulable',
      causes: expect.arrayContaining([expect.stringMatching(/Insufficient cpu/)]),
    });
  });
});
