import { describe, expect, it } from 'vitest';
import { kat } from '../kat.js';
import { customClusterKind, customKind } from '../kinds/custom-kind.js';
import type { KubeSession } from '../session/kube-session.js';
import { field } from './condition.js';

const unused = {} as KubeSession;
const pods = () => kat(unused).pods();
const events = () => kat(unused).events();
const manyNs = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i'];

/** [name, query, path of the first request, label selector, field selector, what stays local] */
type Row = readonly [
  string,
  { plan(): ReturnType<ReturnType<typeof pods>['plan']> },
  string,
  (string | undefined)?,
  (string | undefined)?,
  string[]?,
];

const rows: readonly Row[] = [
  ['no filter', pods(), '/api/v1/pods'],
  ['ns(x)', pods().ns('x'), '/api/v1/namespaces/x/pods'],
  ['notNs(a,b)', pods().notNs('a', 'b'), '/api/v1/pods', undefined, 'metadata.namespace!=a,metadata.namespace!=b'],
  ['ns after notNs', pods().notNs('a').ns('a', 'b'), '/api/v1/namespaces/b/pods'],
  ['names(x) of many namespaces', pods().names('x'), '/api/v1/pods', undefined, 'metadata.name=x'],
  [
    'names(x) and a label',
    pods().ns('n').names('x').lbsIncEach({ a: '1' }),
    '/api/v1/namespaces/n/pods',
    'a=1',
    'metadata.name=x',
  ],
  ['names(a,b) of many namespaces', pods().names('a', 'b'), '/api/v1/pods', undefined, undefined, ['name in (a, b)']],
  ['notNames(a,b)', pods().notNames('a', 'b'), '/api/v1/pods', undefined, 'metadata.name!=a,metadata.name!=b'],
  ['like(sub)', pods().like('we'), '/api/v1/pods', undefined, undefined, ['name like we']],
  ['incEach', pods().lbsIncEach({ a: '1', b: '2' }), '/api/v1/pods', 'a=1,b=2'],
  ['excAny of several keys', pods().lbsExcAny({ a: ['1', '2'], b: '3' }), '/api/v1/pods', 'a notin (1,2),b!=3'],
  ['excEach of one pair', pods().lbsExcEach({ a: '1' }), '/api/v1/pods', 'a!=1'],
  [
    'excEach of two pairs',
    pods().lbsExcEach({ a: '1', b: '2' }),
    '/api/v1/pods',
    undefined,
    undefined,
    ['not all of a=1, b=2'],
  ],
  ['incAny of one key', pods().lbsIncAny({ a: ['1', '2'] }), '/api/v1/pods', 'a in (1,2)'],
  [
    'incAny of two keys',
    pods().lbsIncAny({ a: '1', b: '2' }),
    '/api/v1/pods',
    undefined,
    undefined,
    ['any of a=1, b=2'],
  ],
  [
    'incAny of two keys and incEach',
    pods().lbsIncAny({ a: '1', b: '2' }).lbsIncEach({ c: '3' }),
    '/api/v1/pods',
    'c=3',
    undefined,
    ['any of a=1, b=2'],
  ],
  ['hasLabel, lacksLabel', pods().hasLabel('a').lacksLabel('b'), '/api/v1/pods', 'a,!b'],
  ['labels(text)', pods().labels('a in (1, 2),b!=3,!c,d==4'), '/api/v1/pods', 'a in (1,2),b!=3,!c,d=4'],
  [
    'labels(object)',
    pods().labels({ app: 'x', tier: { notIn: ['a', 'b'] }, gone: { exists: false } }),
    '/api/v1/pods',
    'app=x,tier notin (a,b),!gone',
  ],
  [
    'one key asked twice',
    pods()
      .lbsIncAny({ a: ['1', '2', '3'] })
      .lbsExcAny({ a: '2' }),
    '/api/v1/pods',
    'a in (1,3)',
  ],
  [
    'fields that the server knows',
    pods().fields({ 'spec.nodeName': 'n,1' }),
    '/api/v1/pods',
    undefined,
    'spec.nodeName=n\\,1',
  ],
  [
    'fields that it does not',
    pods().fields({ 'spec.hostname': 'h' }),
    '/api/v1/pods',
    undefined,
    undefined,
    ['spec.hostname=h'],
  ],
  ['running()', pods().running(), '/api/v1/pods', undefined, 'status.phase=Running', ['running()']],
  ['events().for(object)', events().for({ uid: 'u-1' }), '/api/v1/events', undefined, 'involvedObject.uid=u-1'],
  ['age', pods().olderThan('5m'), '/api/v1/pods', undefined, undefined, ['older than 300s']],
  [
    'above eight namespaces',
    pods().ns(...manyNs),
    '/api/v1/pods',
    undefined,
    undefined,
    [`namespace in (${manyNs.join(', ')})`],
  ],
];

describe('plan()', () => {
  it.each(
    rows.map(([name, query, path, labelSelector, fieldSelector, local = []]) => ({
      name,
      query,
      path,
      labelSelector,
      fieldSelector,
      local,
    })),
  )('$name', ({ query, path, labelSelector, fieldSelector, local }) => {
    const plan = query.plan();
    expect(plan.requests[0]).toEqual({
      method: 'GET',
      path,
      ...(labelSelector ? { labelSelector } : {}),
      ...(fieldSelector ? { fieldSelector } : {}),
      limit: 500,
    });
    expect(plan.requests).toHaveLength(1);
    expect(plan.local).toEqual(local);
    expect(plan.exact).toBe(local.length === 0);
  });

  it('reads up to eight namespaces side by side', () => {
    expect(pods().ns('a', 'b').plan()).toMatchObject({
      strategy: 'namespaces',
      exact: true,
      requests: [{ path: '/api/v1/namespaces/a/pods' }, { path: '/api/v1/namespaces/b/pods' }],
    });
  });

  it('gets objects by name when it knows where they are', () => {
    expect(pods().ns('n').names('a', 'b').plan()).toEqual({
      strategy: 'objects',
      requests: [
        { method: 'GET', path: '/api/v1/namespaces/n/pods/a' },
        { method: 'GET', path: '/api/v1/namespaces/n/pods/b' },
      ],
      local: [],
      deferred: [],
      exact: true,
    });
  });

  it('splits alternatives of several keys into one list each when told to', () => {
    const plan = pods()
      .lbsIncAny({ a: '1', b: ['2', '3'] })
      .lbsIncEach({ c: '4' })
      .selective()
      .plan();
    expect(plan).toMatchObject({ strategy: 'union', exact: true });
    expect(plan.requests.map((request) => request.labelSelector)).toEqual(['c=4,a=1', 'c=4,b in (2,3)']);
  });

  it.each([
    [
      'a label with two values',
      pods().lbsIncEach([
        ['a', '1'],
        ['a', '2'],
      ]),
    ],
    ['a label asked for and excluded', pods().lbsIncEach({ a: '1' }).lbsExcAny({ a: '1' })],
    ['a label there and not there', pods().hasLabel('a').lacksLabel('a')],
    ['no namespace left', pods().ns('a').notNs('a')],
    ['no name left', pods().names('a').names('b')],
    ['no names at all', pods().names()],
    ['no alternatives at all', pods().lbsIncAny({})],
    ['a field with two values', pods().fields({ 'status.phase': 'Running' }).fields({ 'status.phase': 'Failed' })],
    ['a state that its field excludes', pods().running().notFields({ 'status.phase': 'Running' })],
  ])('needs no request for %s', (_name, query) => {
    expect(query.plan()).toMatchObject({ strategy: 'nothing', requests: [], exact: true });
  });

  it('keeps long selectors here, where the request line would not hold them', () => {
    const names = Array.from({ length: 400 }, (_, index) => `pod-${index}`);
    const plan = pods()
      .notNames(...names)
      .plan();
    expect(plan.requests[0]?.fieldSelector).toBeUndefined();
    expect(plan.local).toHaveLength(1);
  });

  it.each(['a b', 'a/b/c', '-a', '', 'ä'])('refuses the label key "%s"', (key) => {
    expect(() => pods().hasLabel(key)).toThrow(/key of a label/);
  });

  it('limits what it asks for to what is wanted, unless something is left to judge', () => {
    expect(pods().limit(1).plan().requests[0]?.limit).toBe(1);
    expect(pods().like('x').limit(1).plan().requests[0]?.limit).toBe(500);
  });

  it('plans for kinds that it has no wrapper for', () => {
    const facts = { apiVersion: 'example.com/v1', serverFields: { 'spec.size': {} } };
    const widgets = customKind({ ...facts, kind: 'Widget', resource: 'widgets', namespaced: true });
    const plan = kat(unused).of(widgets).ns('n').narrow(field('spec.size', '3'), field('spec.colour', 'red')).plan();
    expect(plan.requests[0]).toMatchObject({
      path: '/apis/example.com/v1/namespaces/n/widgets',
      fieldSelector: 'spec.size=3',
    });
    expect(plan.local).toEqual(['spec.colour=red']);
    const realms = customClusterKind({ ...facts, kind: 'Realm', resource: 'realms', namespaced: false });
    expect(kat(unused).of(realms).names('a').plan().requests[0]?.path).toBe('/apis/example.com/v1/realms/a');
  });

  it('leaves a query as it was when another is made from it', () => {
    const base = pods().ns('a');
    base.lbsIncEach({ x: '1' });
    expect(base.plan().requests[0]?.labelSelector).toBeUndefined();
    expect(base.state.conditions).toHaveLength(1);
  });
});
