import { EgressPolicy } from '@nm/adapters/egress';
import { newId } from '@nm/kernel/ids';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { adminTarget } from '../../testing/admin-target.js';
import { describeWith } from '../../testing/needs.js';
import { type Kat, kat } from './kat.js';
import { KubeSession } from './session/kube-session.js';
import { Transport } from './transport/transport.js';

const policy = new EgressPolicy({ allow: ['127.0.0.0/8', '::1'] });

describeWith(['kubernetes'], 'queries on a real cluster', () => {
  let session: KubeSession;
  let k8: Kat;
  const ns = `kat-${newId('request').slice(-10)}`;
  const configMap = (name: string, labels: Record<string, string>) => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, namespace: ns, labels },
    data: { a: '1' },
  });

  beforeAll(async () => {
    session = new KubeSession(await adminTarget(), { policy });
    k8 = kat(session);
    const outcomes = await k8.apply([
      configMap('one', { app: 'web', tier: 'a' }),
      configMap('two', { app: 'web', tier: 'b' }),
      configMap('three', { app: 'db' }),
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: ns } },
    ]);
    expect(outcomes.map(({ ok }) => ok)).toEqual([true, true, true, true]);
  });
  afterAll(async () => {
    await k8.namespaces().names(ns).deleteAll();
    await session.close();
  });

  it('agrees with the server about every selector that it pushes', async () => {
    const mine = k8.configMaps().ns(ns).lacksLabel('absent').notNames('kube-root-ca.crt');
    const names = async (query: typeof mine) => (await query.pluck('name')).sort();
    expect(await names(mine)).toEqual(['one', 'three', 'two']);
    expect(await names(mine.lbsIncEach({ app: 'web' }))).toEqual(['one', 'two']);
    expect(await names(mine.lbsIncAny({ tier: ['a', 'b'] }))).toEqual(['one', 'two']);
    expect(await names(mine.lbsIncAny({ tier: 'b', app: 'db' }))).toEqual(['three', 'two']);
    expect(await names(mine.lbsIncAny({ tier: 'b', app: 'db' }).selective())).toEqual(['three', 'two']);
    expect(await names(mine.lbsExcAny({ tier: 'a' }))).toEqual(['three', 'two']);
    expect(await names(mine.lbsExcEach({ app: 'web', tier: 'a' }))).toEqual(['three', 'two']);
    expect(await names(mine.names('one', 'none'))).toEqual(['one']);
    expect(await mine.count()).toBe(3);
    expect((await k8.configMaps().find('three'))?.ns).toBe(ns);
    expect(await k8.namespaces().fields({ 'status.phase': 'Active' }).names(ns).exists()).toBe(true);
  });

  it('changes, waits and deletes by what the server tells', async () => {
    const it = await k8.configMaps().ns(ns).findOrFail('one');
    const other = await k8.configMaps().ns(ns).findOrFail('one');
    await other.setLabel({ by: 'other' });
    await it.patch((draft) => {
      draft.data = { ...draft.data, b: '2' };
    });
    expect([it.labels['by'], it.raw.data]).toEqual(['other', { a: '1', b: '2' }]);
    const waiting = it.waitUntil('jsonpath={.data.c}=3', { timeoutMs: 30_000 });
    await other.patch({ data: { c: '3' } });
    await waiting;
    await it.delete({ wait: true });
    expect(await other.reload()).toBeNull();
  });

  it('patches by merge, strategic merge, JSON and apply, and checks by a dry run without a change', async () => {
    const container = (name: string, image: string) => ({ name, image });
    const template = {
      metadata: { labels: { app: 'patched' } },
      spec: { containers: [container('a', 'a:1'), container('b', 'b:1')] },
    };
    const spec = { replicas: 0, selector: { matchLabels: { app: 'patched' } }, template };
    await k8.apply([{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'patched', namespace: ns }, spec }]);
    const it = await k8.deps().ns(ns).findOrFail('patched');
    const inTemplate = (containers: readonly object[]) => ({ spec: { template: { spec: { containers } } } });
    await it.patch(inTemplate([container('b', 'b:2')]), { type: 'strategic' });
    expect(it.images, 'a strategic merge finds list items by name').toEqual(['a:1', 'b:2']);
    await it.patch(inTemplate([container('b', 'b:3')]), { type: 'merge' });
    expect(it.images, 'a merge replaces lists').toEqual(['b:3']);
    const path = '/spec/template/spec/containers/0/image';
    const replace = (from: string, value: string) => [
      { op: 'test', path, value: from },
      { op: 'replace', path, value },
    ];
    await it.patch(replace('b:3', 'b:4'), { type: 'json' });
    expect(it.images).toEqual(['b:4']);
    await expect(it.patch(replace('b:3', 'b:5'), { type: 'json' })).rejects.toMatchObject({ code: 'kube_api' });
    const applied = { apiVersion: 'apps/v1', kind: 'Deployment', ...inTemplate([container('b', 'b:6')]) };
    const rival = { type: 'apply', fieldManager: 'rival' } as const;
    await expect(it.patch(applied, rival)).rejects.toMatchObject({ extra: { status: 409 } });
    await it.patch(applied, { ...rival, force: true, dryRun: true });
    expect(it.images, 'what it would be').toEqual(['b:6']);
    expect((await it.reload())?.images, 'and is not').toEqual(['b:4']);
    await it.patch(applied, { ...rival, force: true });
    expect((await it.reload())?.images).toEqual(['b:6']);
  });

  it('reports who owns a field, and takes it over only by force', async () => {
    const [mine] = await k8.apply([configMap('two', { app: 'mine' })], { fieldManager: 'rival' });
    expect(mine).toMatchObject({ ok: false, conflicts: [{ field: '.metadata.labels.app', manager: 'k8kat' }] });
    const [dry] = await k8.apply([configMap('two', { app: 'mine' })], {
      fieldManager: 'rival',
      force: true,
      dryRun: true,
    });
    expect(dry?.ok).toBe(true);
    expect((await k8.configMaps().ns(ns).findOrFail('two')).labels['app']).toBe('web');
    await k8.apply([configMap('two', { app: 'mine' })], { fieldManager: 'rival', force: true });
    expect((await k8.configMaps().ns(ns).findOrFail('two')).labels['app']).toBe('mine');
  });

  it('keeps a live set of real objects', async () => {
    const set = await k8.configMaps().ns(ns).lbsIncEach({ app: 'live' }).live();
    expect(set.size).toBe(0);
    await k8.apply([configMap('live', { app: 'live' })]);
    await expect.poll(() => set.get('live', ns)?.name, { timeout: 20_000 }).toBe('live');
    await k8.configMaps().ns(ns).find('live').setLabel({ app: 'other' });
    await expect.poll(() => set.size, { timeout: 20_000 }).toBe(0);
    set.stop();
  });

  it('finds kinds by every name that people use, in two requests', async () => {
    const requests = vi.spyOn(Transport.prototype, 'request');
    for (const name of ['deploy', 'deployments', 'Deployment', 'deployments.apps', 'apps/v1/Deployment'])
      expect((await k8.kind(name)).facts).toMatchObject({ apiVersion: 'apps/v1', resource: 'deployments' });
    const maps = (await k8.kind('cm')).query();
    expect(await maps.ns(ns).names('three').pluck('name')).toEqual(['three']);
    const asked = requests.mock.calls.map(([, path]) => path).filter((path) => !path.includes('configmaps'));
    requests.mockRestore();
    expect(asked.sort()).toEqual(['/api', '/apis']);
    await expect(k8.kind('unicorns')).rejects.toMatchObject({ extra: { reason: 'NoKindMatch' } });
  });

  it('sees as much as whoever it speaks as', async () => {
    await expect(k8.as('nobody-in-particular').configMaps().ns(ns)).rejects.toMatchObject({
      code: 'cluster_forbidden',
    });
    expect(await k8.as('an-admin', ['system:masters']).configMaps().ns(ns).exists()).toBe(true);
  });
});
