import { readFile } from 'node:fs/promises';
import { listClusterCalls, revokeInstallToken, setClusterAccess } from '@nm/features/cluster-access';
import type { ClusterCallQuery, RbacPolicy } from '@nm/kernel/contracts';
import { newId } from '@nm/kernel/ids';
import { afterAll, afterEach, beforeAll, expect, inject, it } from 'vitest';
import { describeWith } from '../../../libs/testing/needs.js';
import { type KubeStage, openKubeStage, type RunOptions, untilTrue } from './kube-stage.js';

const all = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection'];
const rbac: RbacPolicy = {
  roles: [
    {
      name: 'app',
      rules: [
        { apiGroups: [''], resources: ['configmaps', 'pods'], verbs: all },
        { apiGroups: [''], resources: ['pods/exec'], verbs: ['get', 'create'] },
        { apiGroups: ['apps'], resources: ['deployments', 'deployments/scale'], verbs: all },
        { apiGroups: ['metrics.k8s.io'], resources: ['pods'], verbs: ['get', 'list'] },
        // May write roles, and yet grant nothing that it has not.
        { apiGroups: ['rbac.authorization.k8s.io'], resources: ['roles', 'rolebindings'], verbs: ['get', 'create'] },
      ],
    },
  ],
  clusterRoles: [{ name: 'nodes', rules: [{ apiGroups: [''], resources: ['nodes'], verbs: ['get', 'list'] }] }],
};

const configMap = (name: string, data: object = {}) =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, labels: { set: name.split('-')[0] } },
    data,
  });

describeWith(['kubernetes'], 'kubectl through the cluster proxy', () => {
  let stage: KubeStage;
  const kubectl = (args: string, options: RunOptions = {}) => stage.run('kubectl', args.split(' '), options);
  const ok = async (args: string, options: RunOptions = {}) => {
    const ran = await kubectl(args, options);
    expect({ args, ...ran }).toMatchObject({ code: 0 });
    return ran.stdout;
  };
  const refused = async (args: string, options: RunOptions = {}) => {
    const ran = await kubectl(args, options);
    expect({ args, ...ran }).toMatchObject({ code: 1 });
    return ran.stderr;
  };
  const calls = async (query: Partial<ClusterCallQuery> = {}) => {
    const { principal, installId } = stage.lab;
    return (await listClusterCalls(stage.deps, principal, installId, { limit: 200, ...query })).data;
  };
  const access = (enabled: boolean) =>
    setClusterAccess(stage.deps, stage.lab.principal, stage.lab.installId, { enabled });

  beforeAll(async () => {
    stage = await openKubeStage({ rbac, bin: inject('kubernetesBin') });
  }, 180_000);
  afterAll(() => stage?.close());
  afterEach(() => stage.setLicence('active', 'shut'));

  it('applies on the client’s side and the server’s, reads in every form, and deletes', async () => {
    expect(await ok('apply -f -', { input: configMap('plain-1', { a: '1' }) })).toBe('configmap/plain-1 created\n');
    expect(await ok('apply -f -', { input: configMap('plain-1', { a: '2' }) })).toBe('configmap/plain-1 configured\n');
    expect(await ok('apply -f -', { input: configMap('plain-1', { a: '2' }) })).toBe('configmap/plain-1 unchanged\n');
    const serverSide = 'apply --server-side --field-manager=test -f -';
    expect(await ok(serverSide, { input: configMap('side-1', { a: 'é' }) })).toBe(
      'configmap/side-1 serverside-applied\n',
    );
    expect(await ok('get configmap side-1 -o jsonpath={.data.a}')).toBe('é');
    expect(await ok('get configmap side-1 -o yaml')).toContain(`namespace: ${stage.lab.namespace}\n`);
    expect(await ok('get cm -l set=plain')).toMatch(/^NAME\s+DATA\s+AGE\nplain-1\s+1\s/);
    expect(await ok('delete cm plain-1 side-1')).toMatch(/"plain-1" deleted.*\n.*"side-1" deleted/);
    expect(await refused('get cm plain-1')).toBe('Error from server (NotFound): configmaps "plain-1" not found\n');
  });

  it('reads a long list in pieces', async () => {
    const items = Array.from({ length: 120 }, (_, i) => JSON.parse(configMap(`many-${i}`)) as object);
    const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
    await ok('create -f -', { input: list });
    const names = (await ok('get cm -l set=many --chunk-size=25 -o name')).trim().split('\n');
    expect([names.length, new Set(names).size]).toEqual([120, 120]);
    await ok('delete cm -l set=many --wait=false');
  });

  it('follows changes as they happen', async () => {
    const watch = stage.start('kubectl', ['get', 'configmaps', '-w', '-l', 'set=seen', '-o', 'name']);
    await ok('create -f -', { input: configMap('seen-1') });
    await untilTrue(() => watch.said().includes('configmap/seen-1'));
    watch.child.kill('SIGTERM');
    await watch.ended;
    const waits = stage.start('kubectl', ['wait', '--for=delete', 'configmap/seen-1', '--timeout=60s']);
    await ok('delete configmap seen-1');
    expect(await waits.ended).toMatchObject({ code: 0 });
  });

  it('scales a deployment and sees its roll-out', async () => {
    await ok('create deployment web --image=example.test/web:1 --replicas=1');
    await ok('rollout status deployment/web --timeout=60s');
    await ok('scale deployment web --replicas=2');
    await ok('rollout status deployment/web --timeout=60s');
    expect(await ok('get deployment web -o jsonpath={.status.readyReplicas}')).toBe('2');
    await ok('delete deployment web');
  });

  it('knows what there is, and what it may', async () => {
    expect(await ok('api-resources --api-group=apps -o name')).toContain('deployments.apps');
    expect(await ok('explain configmap.data')).toContain('Data contains the configuration data');
    expect(await ok('version -o json')).toContain('"serverVersion"');
    expect(await ok('auth can-i create configmaps')).toBe('yes\n');
    expect(await ok('auth can-i --list')).toContain('deployments.apps');
    const no = await kubectl('auth can-i get secrets -n kube-system');
    expect([no.code, no.stdout]).toEqual([1, 'no\n']);
    expect(await ok('auth whoami -o jsonpath={.status.userInfo.username}')).toMatch(
      new RegExp(`^system:serviceaccount:${stage.lab.namespace}:nm-`),
    );
    expect(await ok('get nodes -o name')).toContain('node/');
  });

  it('says clearly when the cluster measures nothing', async () => {
    const measured = (await kubectl('get --raw /apis/metrics.k8s.io/v1beta1')).code === 0;
    const top = await kubectl('top pods');
    expect(measured ? top.code : top.stderr).toEqual(measured ? 0 : 'error: Metrics API not available\n');
  });

  it('gets the cluster’s own refusal in other namespaces, of others’ secrets, and of every way to more rights', async () => {
    const { namespace } = stage.lab;
    const self = `system:serviceaccount:${namespace}:nm-`;
    for (const args of [
      'get configmaps -n default',
      'get secrets -n kube-system',
      'get secrets',
      'get configmaps -A',
      'create configmap x -n default',
      'create clusterrole x --verb=get --resource=nodes',
      `create token default`,
    ]) {
      const said = await refused(args);
      expect([args, said]).toEqual([
        args,
        expect.stringMatching(/^(?:Error from server|error: failed).*\(Forbidden\)|forbidden/),
      ]);
      expect(said).toContain(self);
    }
    const granting = await refused('create role more --verb=get --resource=secrets');
    expect(granting).toContain('attempting to grant RBAC permissions not currently held');
    const binding = await refused(
      `create rolebinding more --clusterrole=cluster-admin --serviceaccount=${namespace}:default`,
    );
    expect(binding).toContain('attempting to grant RBAC permissions not currently held');
  });

  it('lets nobody ask for another identity', async () => {
    for (const as of ['--as=admin', '--as=admin --as-group=system:masters', '--as=admin --as-uid=0'])
      expect(await refused(`get configmaps ${as}`)).toContain(
        'Error from server (Forbidden): NMachine: The cluster proxy speaks as the install itself',
      );
  });

  it('tells kubectl in words why a suspended licence is refused, and shuts everything', async () => {
    await stage.setLicence('suspended', 'shut');
    await untilTrue(async () => (await kubectl('get configmaps')).code === 1);
    expect(await refused('get configmaps')).toContain(
      'Error from server (Forbidden): NMachine: This licence is suspended. Ask the publisher of the app why, and to resume it.\n',
    );
    expect((await kubectl('auth can-i get configmaps')).code).toBe(1);
  });

  it('lets a suspended licence read where its plan says so: get, list, watch and questions about itself, nothing else', async () => {
    await ok('apply -f -', { input: configMap('kept-1') });
    await ok('run held --image=example.test/web:1');
    await stage.setLicence('suspended', 'read-only');
    const change = () => kubectl('apply -f -', { input: configMap('kept-1', { a: 'b' }) });
    await untilTrue(async () => (await change()).code === 1);
    expect(await ok('get configmap kept-1 -o name')).toBe('configmap/kept-1\n');
    expect(await ok('auth can-i create configmaps')).toBe('yes\n');
    expect(await ok('auth whoami -o name')).toContain('selfsubjectreview');
    const watch = stage.start('kubectl', ['get', 'configmaps', '-w', '-o', 'name']);
    await untilTrue(() => watch.said().includes('configmap/kept-1'));
    for (const args of [
      'delete configmap kept-1',
      'create configmap other',
      'label configmap kept-1 a=b',
      'exec held -- true',
    ])
      expect(await refused(args)).toContain(
        'NMachine: This licence is suspended, and until it is resumed its clusters may only be read.',
      );
    expect(watch.child.exitCode).toBeNull();
    watch.child.kill('SIGTERM');
    await stage.setLicence('active');
    await untilTrue(async () => (await change()).code === 0);
  });

  it('is worth less by a token for reading', async () => {
    const { path: kubeconfig } = await stage.makeKubeconfig({ readOnly: true });
    expect(await ok('get configmaps -o name', { kubeconfig })).toContain('configmap/');
    expect(await refused('create configmap other', { kubeconfig })).toBe(
      'error: failed to create configmap: NMachine: This token allows reading only.\n',
    );
  });

  it('cuts what is open by a token when it is revoked, and nothing of another’s', async () => {
    const { path: kubeconfig, token } = await stage.makeKubeconfig({ name: 'to be revoked' });
    const args = ['get', 'configmaps', '--watch-only', '-o', 'name'];
    const [mine, others] = [stage.start('kubectl', args, { kubeconfig }), stage.start('kubectl', args)];
    let n = 0;
    const both = async () => {
      await ok('create -f -', { input: configMap(`cut-${n++}`) });
      return mine.said().includes('cut-') && others.said().includes('cut-');
    };
    await untilTrue(both);
    await revokeInstallToken(stage.deps, stage.lab.principal, stage.lab.installId, token.id);
    await mine.ended;
    expect(await refused('get configmaps', { kubeconfig })).toContain(
      'error: You must be logged in to the server (NMachine: The token was revoked.',
    );
    await ok('create -f -', { input: configMap('cut-after') });
    await untilTrue(() => others.said().includes('cut-after'));
    others.child.kill('SIGTERM');
  });

  it('is shut by the licensee’s switch, with all that is open, until it is switched on again', async () => {
    const watch = stage.start('kubectl', ['get', 'configmaps', '-w', '-o', 'name']);
    await untilTrue(() => watch.said().includes('configmap/'));
    await access(false);
    await watch.ended;
    expect(await refused('get configmaps')).toContain(
      'Error from server (Forbidden): NMachine: The licensee has switched off access to the cluster for this install.',
    );
    await access(true);
    await untilTrue(async () => (await kubectl('get configmaps')).code === 0);
  });

  it('records every change with its result and by whom, and nothing that only read', async () => {
    const { path: kubeconfig, token } = await stage.makeKubeconfig({ name: 'on record' });
    const name = `rec-${newId('request').slice(-8)}`;
    await ok('apply -f -', { input: configMap(name, { a: '1' }), kubeconfig });
    await ok('apply -f -', { input: configMap(name, { a: '2' }), kubeconfig });
    await ok(`get configmap ${name}`, { kubeconfig });
    await ok('auth can-i create configmaps', { kubeconfig });
    await refused('create configmap x -n default', { kubeconfig });
    await ok(`delete configmap ${name}`, { kubeconfig });
    const actor = token.id;
    await expect.poll(async () => (await calls({ actor })).length, { timeout: 20_000 }).toBe(4);
    const { namespace } = stage.lab;
    const said = (await calls({ actor })).map((call) => [
      call.verb,
      call.resource,
      call.namespace,
      call.name,
      call.status,
    ]);
    expect(said.reverse()).toEqual([
      ['create', 'configmaps', namespace, name, 201],
      ['patch', 'configmaps', namespace, name, 200],
      ['create', 'configmaps', 'default', undefined, 403],
      ['delete', 'configmaps', namespace, name, 200],
    ]);
    const [newest] = await calls({ actor, limit: 1 });
    expect(newest).toMatchObject({ kind: 'call', count: 1, actor: { kind: 'licensee', id: actor, name: 'on record' } });
    expect((await calls({ actor, result: 'failed' })).map(({ status }) => status)).toEqual([403]);
    expect((await calls({ actor, verb: 'patch', name })).length).toBe(1);
    expect((await calls({ actor, until: newest!.at })).length).toBe(3);
  });

  it('holds the token and nothing else that could open the cluster', async () => {
    const text = await readFile(stage.kubeconfigPath, 'utf8');
    expect(text).not.toMatch(/client-|exec|auth-provider|password/);
    expect(text).toContain(`namespace: ${stage.lab.namespace}`);
  });
});
