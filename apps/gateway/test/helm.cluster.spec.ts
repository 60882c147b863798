import { readFile } from 'node:fs/promises';
import { CoreV1Api, KubeConfig, makeInformer, type V1ConfigMap, Watch } from '@kubernetes/client-node';
import { EgressPolicy } from '@nm/adapters/egress';
import { KubeSession, kat } from '@nm/adapters/k8kat';
import type { RbacPolicy } from '@nm/kernel/contracts';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { describeWith } from '../../../libs/testing/needs.js';
import { writeTestChart } from './helm-chart.js';
import { type KubeStage, openKubeStage, untilTrue } from './kube-stage.js';

const all = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete'];
const rbac: RbacPolicy = {
  roles: [{ name: 'app', rules: [{ apiGroups: [''], resources: ['configmaps', 'secrets', 'pods'], verbs: all }] }],
  clusterRoles: [],
};

describeWith(['kubernetes'], 'helm and client libraries through the cluster proxy', () => {
  let stage: KubeStage;
  let chart: string;
  const helm = (...args: string[]) => stage.run('helm', args);
  const ok = async (...args: string[]) => {
    const ran = await helm(...args);
    expect({ args, ...ran }).toMatchObject({ code: 0 });
    return ran.stdout;
  };
  const answer = async () => {
    const ref = { apiVersion: 'v1', kind: 'ConfigMap', name: 'shop-settings' };
    return (await stage.lab.admin.get(ref, stage.lab.namespace))?.['data'];
  };

  beforeAll(async () => {
    stage = await openKubeStage({ rbac, bin: inject('kubernetesBin') });
    chart = await writeTestChart(stage.folder, 'example.test/shell:1');
  }, 180_000);
  afterAll(() => stage?.close());

  it('installs, upgrades, rolls back and uninstalls in the install’s own namespace', async () => {
    expect(await ok('install', 'shop', chart, '--set', 'answer=1', '--wait')).toContain('STATUS: deployed');
    expect(await answer()).toEqual({ answer: '1' });
    expect(await ok('upgrade', 'shop', chart, '--set', 'answer=2')).toContain('REVISION: 2');
    expect(await answer()).toEqual({ answer: '2' });
    expect(await ok('rollback', 'shop', '1')).toContain('Rollback was a success');
    expect(await answer()).toEqual({ answer: '1' });
    const history = JSON.parse(await ok('history', 'shop', '-o', 'json')) as { revision: number }[];
    expect(history.map(({ revision }) => revision)).toEqual([1, 2, 3]);
    expect(await ok('get', 'manifest', 'shop')).toContain('shop-settings');
    expect(await ok('uninstall', 'shop', '--wait')).toContain('release "shop" uninstalled');
    expect(await answer()).toBeUndefined();
  });

  it('is told by the cluster what the published policy lacks', async () => {
    const beyond = await helm('install', 'beyond', chart, '--set', 'beyond=true');
    expect([beyond.code, beyond.stderr]).toEqual([
      1,
      expect.stringContaining('cannot get resource "services" in API group ""'),
    ]);
    const elsewhere = await helm('install', 'else', chart, '-n', 'default');
    expect([elsewhere.code, elsewhere.stderr]).toEqual([1, expect.stringContaining('in the namespace "default"')]);
    expect(elsewhere.stderr).toContain(`system:serviceaccount:${stage.lab.namespace}:nm-`);
  });

  it('serves the JavaScript client: lists, a watch, an informer', async () => {
    const config = new KubeConfig();
    config.loadFromString(await readFile(stage.kubeconfigPath, 'utf8'));
    const core = config.makeApiClient(CoreV1Api);
    const { namespace } = stage.lab;
    const path = `/api/v1/namespaces/${namespace}/configmaps`;
    const seen = new Set<string>();
    const watched = new Set<string>();
    const informer = makeInformer(config, path, () => core.listNamespacedConfigMap({ namespace }));
    informer.on('add', (map: V1ConfigMap) => seen.add(map.metadata?.name ?? ''));
    informer.on('delete', (map: V1ConfigMap) => seen.delete(map.metadata?.name ?? ''));
    informer.on('error', () => undefined);
    await informer.start();
    const watch = await new Watch(config).watch(
      path,
      {},
      (_phase, map: V1ConfigMap) => watched.add(map.metadata?.name ?? ''),
      () => undefined,
    );
    await core.createNamespacedConfigMap({ namespace, body: { metadata: { name: 'from-js' } } });
    await untilTrue(() => seen.has('from-js') && watched.has('from-js'));
    await core.deleteNamespacedConfigMap({ namespace, name: 'from-js' });
    await untilTrue(() => !seen.has('from-js'));
    watch.abort();
    await informer.stop();
    await expect(core.listNamespacedSecret({ namespace: 'kube-system' })).rejects.toMatchObject({ code: 403 });
  });

  it('serves K8Kat like a cluster of its own', async () => {
    const { server, ca, bearer } = await stage.makeKubeconfig();
    const policy = new EgressPolicy({ allow: ['127.0.0.0/8'] });
    const session = new KubeSession({ server, ca, token: bearer }, { policy });
    const { namespace } = stage.lab;
    const manifest = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'from-kat' }, data: { a: 'b' } };
    await session.apply(manifest, { namespace, fieldManager: 'test' });
    const maps = await kat(session).configMaps().ns(namespace);
    expect(maps.map(({ name }) => name)).toContain('from-kat');
    const events: string[] = [];
    const stop = new AbortController();
    const watching = (async () => {
      for await (const event of session.watch({ apiVersion: 'v1', kind: 'ConfigMap', namespace, signal: stop.signal }))
        events.push(JSON.stringify(event));
    })().catch(() => undefined);
    await untilTrue(() => events.join().includes('from-kat'));
    stop.abort();
    await watching;
    await expect(session.get({ apiVersion: 'v1', kind: 'Secret', name: 'x' }, 'kube-system')).rejects.toMatchObject({
      code: 'cluster_forbidden',
    });
    expect(await session.can({ verb: 'create', group: '', resource: 'configmaps', namespace })).toMatchObject({
      allowed: true,
    });
    await session.delete({ apiVersion: 'v1', kind: 'ConfigMap', name: 'from-kat' }, namespace);
    await session.close();
  });
});
