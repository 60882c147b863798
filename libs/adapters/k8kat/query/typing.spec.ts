import { describe, expectTypeOf, it } from 'vitest';
import { kat } from '../kat.js';
import type { Pod, PodQuery } from '../kinds/pod.js';
import type { KubeSession } from '../session/kube-session.js';

const k8 = kat({} as KubeSession);

/** Never run: it only has to compile, or not to. */
const nonsense = (pod: Pod) => [
  // @ts-expect-error nodes live in no namespace
  k8.nodes().ns('a'),
  // @ts-expect-error a pod has no such field
  k8.pods().fields({ 'spec.nodeNam': 'n' }),
  // @ts-expect-error a phase is text
  k8.pods().fields({ 'status.phase': 3 }),
  // @ts-expect-error a field path leads to a value, not to an object
  k8.pods().fields({ 'spec.affinity': 'x' }),
  // @ts-expect-error an object has one value for each label
  k8.pods().lbsIncEach({ a: ['1', '2'] }),
  // @ts-expect-error a pod has no such property
  k8.pods().featureIs('colour', 'red'),
  // @ts-expect-error and this one is text
  k8.pods().featureIs('phase', 7),
  // @ts-expect-error names have a filter of their own, which the server understands
  k8.pods().featureIs('name', 'a'),
  // @ts-expect-error methods are not features
  k8.pods().pluck('reload'),
  // @ts-expect-error events have no such relation
  k8.events().with('pods'),
  // @ts-expect-error that is no length of time
  k8.pods().olderThan('5 minutes'),
  // @ts-expect-error a reference has no properties before it is read
  k8.pods().find('a').phase,
  // @ts-expect-error config maps have no logs
  k8.configMaps().find('a').logs(),
  // @ts-expect-error that is no condition
  pod.waitUntil('ready'),
];

describe('the types of queries', () => {
  it('keep the kind through every step', () => {
    void nonsense;
    const query = k8
      .pods()
      .ns('a')
      .lbsIncAny({ a: ['1'] })
      .olderThan('5m')
      .limit(3);
    expectTypeOf(query).toEqualTypeOf<PodQuery>();
    expectTypeOf(query.all).returns.toEqualTypeOf<Promise<Pod[]>>();
    expectTypeOf<Awaited<PodQuery>>().toEqualTypeOf<Pod[]>();
    expectTypeOf<Awaited<ReturnType<PodQuery['first']>>>().toEqualTypeOf<Pod | null>();
  });

  it('know what is plucked', () => {
    expectTypeOf<ReturnType<typeof pluckOne>>().toEqualTypeOf<Promise<string[]>>();
    expectTypeOf<ReturnType<typeof pluckTwo>>().resolves.items.toEqualTypeOf<readonly [string, Date | undefined]>();
  });

  it('follow relations and actions from what is not read yet', () => {
    expectTypeOf(k8.deps().find('a').pods()).toEqualTypeOf<PodQuery>();
    expectTypeOf(k8.pods().find('a').setLabel).returns.resolves.toEqualTypeOf<Pod>();
  });
});

const pluckOne = () => k8.pods().pluck('name');
const pluckTwo = () => k8.pods().pluck(['name', 'createdAt']);
