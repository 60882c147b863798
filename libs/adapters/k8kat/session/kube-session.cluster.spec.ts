import { EgressPolicy } from '@nm/adapters/egress';
import { newId } from '@nm/kernel/ids';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { adminTarget } from '../../../testing/admin-target.js';
import { describeWith } from '../../../testing/needs.js';
import { type KubeObject, KubeSession, readinessOf } from '../index.js';

const policy = new EgressPolicy({ allow: ['127.0.0.0/8', '::1'] });
const manager = 'nm-test';

describeWith(['kubernetes'], 'KubeSession on a real cluster', () => {
  let session: KubeSession;
  let connections = 0;
  const namespace = `ses-${newId('request').slice(-10)}`;
  const configMap = (data: Record<string, string>): KubeObject => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'x' },
    data,
  });
  const ref = { apiVersion: 'v1', kind: 'ConfigMap', name: 'x' };

  beforeAll(async () => {
    session = new KubeSession(await adminTarget(), { policy, onConnect: () => connections++ });
    await session.apply(
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
      { fieldManager: manager },
    );
  });
  afterAll(async () => {
    await session.delete({ apiVersion: 'v1', kind: 'Namespace', name: namespace });
    await session.close();
  });

  it('sends 200 requests, one after the other, over one TLS connection', async () => {
    const before = connections;
    for (let i = 0; i < 200; i++) await session.version();
    expect(before).toBe(1);
    expect(connections).toBe(1);
  });

  it('applies the same manifest twice with one effect', async () => {
    const first = await session.apply(configMap({ a: '1' }), { namespace, fieldManager: manager });
    const second = await session.apply(configMap({ a: '1' }), { namespace, fieldManager: manager });
    expect(second.metadata?.uid).toBe(first.metadata?.uid);
    expect(second.metadata?.resourceVersion).toBe(first.metadata?.resourceVersion);
  });

  it('reports a field owned by another manager as a conflict, and takes it over only with force', async () => {
    await session.apply(configMap({ a: '1' }), { namespace, fieldManager: manager });
    const other = session.apply(configMap({ a: '2' }), { namespace, fieldManager: 'somebody' });
    await expect(other).rejects.toMatchObject({ code: 'kube_api', extra: { status: 409, reason: 'Conflict' } });
    const forced = await session.apply(configMap({ a: '2' }), { namespace, fieldManager: 'somebody', force: true });
    expect(forced['data']).toEqual({ a: '2' });
  });

  it('finds a kind whose definition was applied after the group had been looked up', async () => {
    const group = `${namespace}.example.com`;
    const custom = { apiVersion: `${group}/v1`, kind: 'Widget', metadata: { name: 'w', namespace } };
    await expect(session.resourceFor(custom.apiVersion, 'Widget')).rejects.toMatchObject({
      extra: { reason: 'NoKindMatch' },
    });
    const definition = {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      name: `widgets.${group}`,
    };
    await session.apply(widgetDefinition(group), { fieldManager: manager });
    try {
      await expect
        .poll(async () => readinessOf((await session.get(definition))!).state, { timeout: 20_000 })
        .toBe('ready');
      await expect
        .poll(
          () =>
            session.apply(custom, { fieldManager: manager }).then(
              () => true,
              () => false,
            ),
          { timeout: 20_000 },
        )
        .toBe(true);
    } finally {
      await session.delete(definition);
    }
  });

  it('says undefined for an absent object, false for deleting one, and never for a refused one', async () => {
    expect(await session.get({ ...ref, name: 'absent' }, namespace)).toBeUndefined();
    expect(await session.delete({ ...ref, name: 'absent' }, namespace)).toBe(false);
    const token = (await session.requestToken(namespace, 'default', 600)).token;
    const nobody = new KubeSession({ ...(await adminTarget()), ...withoutCertificate, token }, { policy });
    await expect(nobody.get(ref, namespace)).rejects.toMatchObject({
      code: 'cluster_forbidden',
      extra: { reason: 'Forbidden' },
    });
    expect(await nobody.can({ verb: 'get', group: '', resource: 'configmaps', namespace })).toMatchObject({
      allowed: false,
    });
    await nobody.close();
  });

  it('deletes only the object with the given uid', async () => {
    await session.apply(configMap({}), { namespace, fieldManager: manager, force: true });
    const wrong = session.delete(ref, namespace, { uid: '00000000-0000-0000-0000-000000000000' });
    await expect(wrong).rejects.toMatchObject({ extra: { status: 409 } });
    expect(await session.delete(ref, namespace)).toBe(true);
  });

  it('tells a refused token from an unreachable server', async () => {
    const target = { ...(await adminTarget()), ...withoutCertificate };
    const refused = new KubeSession({ ...target, token: 'nonsense' }, { policy });
    await expect(refused.version()).rejects.toMatchObject({ code: 'cluster_unauthorized' });
    const away = new KubeSession({ ...target, server: 'https://127.0.0.1:1', token: 'x' }, { policy });
    await expect(away.version()).rejects.toMatchObject({
      code: 'cluster_unreachable',
      extra: { reason: 'ECONNREFUSED' },
    });
    const untrusted = new KubeSession({ ...target, ca: undefined, token: 'x' }, { policy });
    await expect(untrusted.version()).rejects.toMatchObject({ code: 'cluster_unreachable' });
    const denied = new KubeSession({ ...target, token: 'x' }, { policy: new EgressPolicy() });
    await expect(denied.version()).rejects.toMatchObject({ code: 'egress_denied' });
    await Promise.all([refused, away, untrusted, denied].map((each) => each.close()));
  });

  it('renews a refused token once', async () => {
    const good = (await session.requestToken(namespace, 'default', 600)).token;
    let token = 'stale';
    const renewing = new KubeSession(
      {
        ...(await adminTarget()),
        ...withoutCertificate,
        token: async () => token,
        onTokenRefused: () => (token = good),
      },
      { policy },
    );
    expect(await renewing.version()).toMatch(/^v1\./);
    await renewing.close();
  });

  it('lists every page and gives each item its kind', async () => {
    for (let i = 0; i < 7; i++)
      await session.apply(
        { ...configMap({}), metadata: { name: `page-${i}`, labels: { page: 'yes' } } },
        { namespace, fieldManager: manager },
      );
    const { items } = await session.list({ ...ref, namespace, labelSelector: 'page=yes', pageSize: 3 });
    expect(items.map((item) => item.metadata?.name).sort()).toHaveLength(7);
    expect(new Set(items.map((item) => `${item.apiVersion} ${item.kind}`))).toEqual(new Set(['v1 ConfigMap']));
  });

  it('watches: first the list, then each change, and ends with the signal', async () => {
    const stop = new AbortController();
    const seen: string[] = [];
    const watching = (async () => {
      for await (const event of session.watch({ ...ref, namespace, labelSelector: 'watched', signal: stop.signal }))
        seen.push(
          event.type === 'list' ? `list ${event.objects.length}` : `${event.type} ${event.object.metadata?.name}`,
        );
    })();
    await expect.poll(() => seen).toEqual(['list 0']);
    const watched = { ...configMap({}), metadata: { name: 'seen', labels: { watched: '' } } };
    await session.apply(watched, { namespace, fieldManager: manager });
    await session.apply({ ...watched, data: { b: '1' } }, { namespace, fieldManager: manager });
    await session.delete({ ...ref, name: 'seen' }, namespace);
    await expect.poll(() => seen).toEqual(['list 0', 'added seen', 'modified seen', 'deleted seen']);
    stop.abort();
    await watching;
  });

  it('ends a request when its signal aborts', async () => {
    const stop = new AbortController();
    stop.abort(new Error('enough'));
    await expect(session.request('GET', '/version', { signal: stop.signal })).rejects.toThrow('enough');
  });
});

const withoutCertificate = { clientCertificate: undefined, clientKey: undefined };

const widgetDefinition = (group: string): KubeObject => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `widgets.${group}` },
  spec: {
    group,
    scope: 'Namespaced',
    names: { plural: 'widgets', singular: 'widget', kind: 'Widget' },
    versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
  },
});
