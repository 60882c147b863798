import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { FakeKubeApi, type Stored } from '../../../testing/fake-kube-api.js';
import { kat } from '../kat.js';
import type { Pod, PodQuery } from '../kinds/pod.js';
import type { KubeSession } from '../session/kube-session.js';

const nowMs = Date.parse('2026-01-01T12:00:00Z');
const clock = { nowMs: () => nowMs, now: () => new Date(nowMs), monotonicMs: () => 0, sleep: async () => undefined };

const oneOf = (...values: string[]) => fc.constantFrom(...values);
const key = oneOf('app', 'tier', 'constructor');
const value = oneOf('', 'a', 'b', 'c');
const pair = fc.tuple(key, value);
const pairs = fc.array(pair, { maxLength: 3 });
const namespace = oneOf('n1', 'n2', 'n3');
const name = oneOf('web-1', 'web-2', 'db-1', 'db-2', 'job');
const phase = oneOf('Running', 'Pending', 'Failed', 'Succeeded');

const pod = fc.record({
  namespace,
  name,
  labels: fc.dictionary(key, value, { maxKeys: 3 }),
  phase: fc.option(phase, { nil: undefined }),
  node: fc.option(oneOf('node,1', 'node=2'), { nil: undefined }),
  hostname: fc.option(oneOf('h1', 'h2'), { nil: undefined }),
  hostNetwork: fc.option(fc.boolean(), { nil: undefined }),
  ageHours: fc.integer({ min: 0, max: 12 }),
});
type Given = typeof pod extends fc.Arbitrary<infer T> ? T : never;

/** A filter, and what it means in the plainest words. */
interface Step {
  readonly words: string;
  readonly chain: (query: PodQuery) => PodQuery;
  readonly naive: (given: Given) => boolean;
}
const has = (given: Given, [label, wanted]: readonly [string, string]): boolean =>
  Object.entries(given.labels).some(([one, other]) => one === label && other === wanted);
const step = <T>(
  words: string,
  arbitrary: fc.Arbitrary<T>,
  chain: (query: PodQuery, given: T) => PodQuery,
  naive: (given: Given, value: T) => boolean,
): fc.Arbitrary<Step> =>
  arbitrary.map((drawn) => ({
    words: `${words} ${JSON.stringify(drawn)}`,
    chain: (query) => chain(query, drawn),
    naive: (given) => naive(given, drawn),
  }));
const some = (values: fc.Arbitrary<string>) => fc.uniqueArray(values, { maxLength: 3 });
const nothing = fc.constant(undefined);

const oneObject = fc.tuple(namespace, fc.uniqueArray(name, { minLength: 1, maxLength: 3 }));

const steps = fc.array(
  fc.oneof(
    // Often enough that objects are also read by name, with something left to judge.
    step(
      'objects',
      oneObject,
      (q, [n, v]) => q.ns(n).names(...v),
      (p, [n, v]) => p.namespace === n && v.includes(p.name),
    ),
    step(
      'ns',
      some(namespace),
      (q, v) => q.ns(...v),
      (p, v) => v.includes(p.namespace),
    ),
    step(
      'notNs',
      some(namespace),
      (q, v) => q.notNs(...v),
      (p, v) => !v.includes(p.namespace),
    ),
    step(
      'names',
      some(name),
      (q, v) => q.names(...v),
      (p, v) => v.includes(p.name),
    ),
    step(
      'notNames',
      some(name),
      (q, v) => q.notNames(...v),
      (p, v) => !v.includes(p.name),
    ),
    step(
      'like',
      oneOf('web', '-1', 'x'),
      (q, v) => q.like(v),
      (p, v) => p.name.includes(v),
    ),
    step(
      'like',
      oneOf('^web', '1$'),
      (q, v) => q.like(new RegExp(v, 'g')),
      (p, v) => new RegExp(v).test(p.name),
    ),
    step(
      'incEach',
      pairs,
      (q, v) => q.lbsIncEach(v),
      (p, v) => v.every((one) => has(p, one)),
    ),
    step(
      'incAny',
      pairs,
      (q, v) => q.lbsIncAny(v),
      (p, v) => v.some((one) => has(p, one)),
    ),
    step(
      'excEach',
      pairs,
      (q, v) => q.lbsExcEach(v),
      (p, v) => !v.every((one) => has(p, one)),
    ),
    step(
      'excAny',
      pairs,
      (q, v) => q.lbsExcAny(v),
      (p, v) => !v.some((one) => has(p, one)),
    ),
    step(
      'hasLabel',
      key,
      (q, v) => q.hasLabel(v),
      (p, v) => Object.keys(p.labels).includes(v),
    ),
    step(
      'lacksLabel',
      key,
      (q, v) => q.lacksLabel(v),
      (p, v) => !Object.keys(p.labels).includes(v),
    ),
    step(
      'phase',
      phase,
      (q, v) => q.fields({ 'status.phase': v }),
      (p, v) => p.phase === v,
    ),
    step(
      'not phase',
      phase,
      (q, v) => q.notFields({ 'status.phase': v }),
      (p, v) => p.phase !== v,
    ),
    step(
      'node',
      oneOf('node,1', 'node=2'),
      (q, v) => q.fields({ 'spec.nodeName': v }),
      (p, v) => p.node === v,
    ),
    step(
      'hostname',
      oneOf('h1', 'h2'),
      (q, v) => q.fields({ 'spec.hostname': v }),
      (p, v) => p.hostname === v,
    ),
    step(
      'hostNetwork',
      fc.boolean(),
      (q, v) => q.fields({ 'spec.hostNetwork': v }),
      (p, v) => (p.hostNetwork ?? false) === v,
    ),
    // The fake refuses this field, as an older server would: the answer must not change.
    step(
      'scheduler',
      oneOf('x'),
      (q, v) => q.notFields({ 'spec.schedulerName': v }),
      () => true,
    ),
    step(
      'older',
      fc.integer({ min: 0, max: 12 }),
      (q, v) => q.olderThan(`${v}h`),
      (p, v) => p.ageHours > v,
    ),
    step(
      'newer',
      fc.integer({ min: 0, max: 12 }),
      (q, v) => q.newerThan(`${v}h`),
      (p, v) => p.ageHours < v,
    ),
    step(
      'where',
      nothing,
      (q) => q.where((one) => one.name.length > 3),
      (p) => p.name.length > 3,
    ),
    step(
      'phase feature',
      phase,
      (q, v) => q.featureIs('phase', v),
      (p, v) => (p.phase ?? 'Unknown') === v,
    ),
    step(
      'selective',
      nothing,
      (q) => q.selective(),
      () => true,
    ),
    step(
      'page of two',
      nothing,
      (q) => q.pageSize(2),
      () => true,
    ),
  ),
  { maxLength: 5 },
);

const stored = (given: Given): Stored => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name: given.name,
    namespace: given.namespace,
    labels: given.labels,
    creationTimestamp: new Date(nowMs - given.ageHours * 3_600_000).toISOString(),
    managedFields: [{ manager: 'x' }],
  },
  spec: {
    ...(given.node ? { nodeName: given.node } : {}),
    ...(given.hostname ? { hostname: given.hostname } : {}),
    ...(given.hostNetwork === undefined ? {} : { hostNetwork: given.hostNetwork }),
  },
  status: given.phase ? { phase: given.phase } : {},
});

const sigs = (found: readonly { ns: string; name: string }[]) => found.map((one) => `${one.ns}/${one.name}`).sort();

describe('a planned query', () => {
  let api: FakeKubeApi;
  let session: KubeSession;
  beforeAll(async () => {
    api = await FakeKubeApi.open();
    session = api.session();
  });
  beforeEach(() => api.reset());
  afterAll(async () => {
    await session.close();
    api.close();
  });

  it('gives the same set as filtering everything by hand, in every way of asking', async () => {
    const world = fc.uniqueArray(pod, {
      minLength: 4,
      maxLength: 14,
      selector: (one) => `${one.namespace}/${one.name}`,
    });
    await fc.assert(
      fc.asyncProperty(world, steps, async (givens, chain) => {
        api.clear();
        for (const given of givens) api.put('pods', stored(given));
        const query = chain.reduce((so, one) => one.chain(so), kat(session, { clock }).pods());
        const expected = sigs(
          givens
            .filter((given) => chain.every((one) => one.naive(given)))
            .map((given) => ({ ns: given.namespace, name: given.name })),
        );
        const found = await query;
        expect(sigs(found)).toEqual(expected);
        const streamed: Pod[] = [];
        for await (const one of query) streamed.push(one);
        expect(sigs(streamed)).toEqual(expected);
        expect(await query.count()).toBe(expected.length);
        expect(await query.exists()).toBe(expected.length > 0);
        expect(sigs((await query.pluck(['ns', 'name'])).map(([ns, name]) => ({ ns, name })))).toEqual(expected);
        const first = await query.first();
        expect(first === null).toBe(expected.length === 0);
        if (first) expect(expected).toContain(`${first.ns}/${first.name}`);
        for (const one of found) expect(one.raw).toMatchObject({ apiVersion: 'v1', kind: 'Pod' });
        for (const one of found) expect(one.raw.metadata).not.toHaveProperty('managedFields');
        if (query.plan().strategy === 'nothing') expect(expected).toEqual([]);
      }),
      { numRuns: 500 },
    );
  }, 180_000);
});
