import { EgressPolicy } from '@nm/adapters/egress';
import { newId } from '@nm/kernel/ids';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { adminTarget } from '../../../testing/admin-target.js';
import { describeWith } from '../../../testing/needs.js';
import { type Kat, kat as open } from '../kat.js';
import { KubeSession } from '../session/kube-session.js';
import type { DynamicKind } from './dynamic-kind.js';
import type { KubeJson } from './kube-json.js';

interface Boat extends KubeJson {
  readonly spec: { readonly size: string; readonly crew?: number };
}

const policy = new EgressPolicy({ allow: ['127.0.0.0/8', '::1'] });

describeWith(['kubernetes'], 'kinds that are known by discovery only, on a real cluster', () => {
  const ns = `dyn-${newId('request').slice(-10)}`;
  /** A group of its own, so that nothing of another run is in the way. */
  const group = `g${newId('request').slice(-8)}.example.test`;
  let session: KubeSession;
  let kat: Kat;
  let boats: DynamicKind<Boat>;

  /** Several documents, the objects before the namespace and the definition that they need. */
  const manifests = `
apiVersion: v1
kind: ConfigMap
metadata: { name: settings, namespace: ${ns} }
data: { a: "1" }
---
apiVersion: v1
kind: Namespace
metadata: { name: ${ns} }
---
# nothing in here
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: boats.${group} }
spec:
  group: ${group}
  scope: Namespaced
  names: { plural: boats, singular: boat, kind: Boat, shortNames: [bt] }
  versions:
    - name: v1
      served: true
      storage: true
      selectableFields: [{ jsonPath: .spec.size }]
      additionalPrinterColumns:
        - { name: Size, type: string, jsonPath: .spec.size }
        - { name: Crew, type: integer, jsonPath: .spec.crew, priority: 1 }
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec:
              type: object
              properties: { size: { type: string }, crew: { type: integer } }
            status: { type: object, x-kubernetes-preserve-unknown-fields: true }
---
apiVersion: v1
kind: List
items:
  - { apiVersion: v1, kind: ConfigMap, metadata: { name: listed, namespace: ${ns} } }
`;

  beforeAll(async () => {
    session = new KubeSession(await adminTarget(), { policy });
    kat = open(session);
    const outcomes = await kat.apply(manifests);
    expect(outcomes.map(({ ok, object }) => [ok, object.kind])).toEqual([
      [true, 'CustomResourceDefinition'],
      [true, 'Namespace'],
      [true, 'ConfigMap'],
      [true, 'ConfigMap'],
    ]);
    const definition = await kat.crds().findOrFail(`boats.${group}`);
    await definition.waitUntil('condition=Established', { timeoutMs: 60_000 });
    // Established is a moment before served.
    boats = await vi.waitFor(() => kat.kind<Boat>(`${group}/v1/Boat`), { timeout: 60_000, interval: 200 });
    for (const [name, size, crew] of [
      ['ark', 'big', 8],
      ['dinghy', 'small', 1],
      ['ferry', 'big', 20],
    ] as const) {
      const boat = { apiVersion: `${group}/v1`, kind: 'Boat', metadata: { name, namespace: ns }, spec: { size, crew } };
      await session.apply(boat, { fieldManager: 'test' });
    }
  }, 180_000);
  afterAll(async () => {
    await kat.crds().names(`boats.${group}`).deleteAll();
    await kat.namespaces().names(ns).deleteAll();
    await session.close();
  });

  it.each(['Boat', 'boat', 'boats', 'bt'])('is found as %s, and typed', async (name) => {
    // Other runs may have boats of their own: only the whole name says whose.
    expect((await kat.kind(name)).facts.kind).toBe('Boat');
    const [ark] = await boats.query().ns(ns).names('ark');
    const size: string | undefined = ark?.raw.spec.size;
    // @ts-expect-error a field that the type does not have
    ark?.raw.spec.sail;
    expect(size).toBe('big');
  });

  it('lets the server select by the fields that the definition declares, and judges the others here', async () => {
    const big = boats.query().ns(ns).fields({ 'spec.size': 'big' });
    const { requests, local } = big.plan();
    expect(requests).toMatchObject([{ fieldSelector: 'spec.size=big' }]);
    expect(local).toEqual([]);
    expect((await big.pluck('name')).sort()).toEqual(['ark', 'ferry']);
    const lonely = boats.query().ns(ns).fields({ 'spec.crew': 1 });
    expect(lonely.plan().requests[0]).not.toHaveProperty('fieldSelector');
    expect(await lonely.pluck('name')).toEqual(['dinghy']);
  });

  it('prints what the server prints: its columns, all pages, and conditions of both kinds', async () => {
    const table = await boats.query().ns(ns).fields({ 'spec.size': 'big' }).table();
    expect(table.columns.map(({ name, priority }) => [name, priority])).toEqual([
      ['Name', 0],
      ['Size', 0],
      ['Crew', 1],
    ]);
    expect(table.rows.map(({ name, cells }) => [name, ...cells])).toEqual([
      ['ark', 'ark', 'big', 8],
      ['ferry', 'ferry', 'big', 20],
    ]);
    expect(table.text()).toBe('NAME    SIZE\nark     big\nferry   big');
    expect(table.text({ wide: true }).split('\n')[2]).toBe('ferry   big    20');
    const small = await boats.query().ns(ns).fields({ 'spec.crew': 1 }).pageSize(1).table();
    expect(small.rows.map(({ name }) => name)).toEqual(['dinghy']);
    const one = await kat.configMaps().ns(ns).names('settings').table();
    expect(one.rows).toMatchObject([{ ns, name: 'settings', cells: ['settings', 1, expect.any(String)] }]);
    expect((await boats.query().ns(ns).limit(2).pageSize(1).table()).rows).toHaveLength(2);
  });

  it('waits for an object that it may get and neither list nor watch, by asking again', async () => {
    const rules = [{ apiGroups: [group], resources: ['boats'], verbs: ['get'] }];
    const rbac = 'rbac.authorization.k8s.io';
    await kat.apply([
      { apiVersion: `${rbac}/v1`, kind: 'Role', metadata: { name: 'reader', namespace: ns }, rules },
      {
        apiVersion: `${rbac}/v1`,
        kind: 'RoleBinding',
        metadata: { name: 'reader', namespace: ns },
        roleRef: { apiGroup: rbac, kind: 'Role', name: 'reader' },
        subjects: [{ kind: 'User', name: `reader-${ns}`, apiGroup: rbac }],
      },
    ]);
    const reader = kat.as(`reader-${ns}`);
    const mine = await reader.kind<Boat>(`${group}/v1/Boat`);
    await expect
      .poll(
        () =>
          mine
            .query()
            .ns(ns)
            .find('ark')
            .then((ark) => ark?.name, String),
        { timeout: 30_000 },
      )
      .toBe('ark');
    await expect(mine.query().ns(ns).all()).rejects.toMatchObject({ code: 'cluster_forbidden' });
    const ark = await mine.query().ns(ns).findOrFail('ark');
    const sunk = ark.waitUntil((boat) => boat.raw.spec.size === 'sunk', { timeoutMs: 60_000 });
    const full = await boats.query().ns(ns).findOrFail('ark');
    await full.patch({ spec: { size: 'sunk' } });
    expect((await sunk).raw.spec.size).toBe('sunk');
    const gone = ark.waitUntil('delete', { timeoutMs: 60_000 });
    await full.delete();
    await gone;
    const dinghy = await mine.query().ns(ns).findOrFail('dinghy');
    await expect(dinghy.waitUntil('condition=Ready', { timeoutMs: 1_500 })).rejects.toMatchObject({
      code: 'kube_wait_timeout',
    });
  });
});
