import { FakeClock } from '@nm/kernel/time';
import { describe, expect, it } from 'vitest';
import { loadBundle } from '../descriptors/compile-bundle.js';
import { openSession, type SessionOptions } from '../session/session.js';
import { aCluster, files } from '../test/fakes.js';
import { aKamafile } from '../test/kamafiles.js';

const of = (text: string, options: Partial<SessionOptions> = {}, more: Readonly<Record<string, string>> = {}) =>
  openSession(loadBundle(files(text, more)), {
    kamafile: aKamafile({ app: { user_vars: { web: { port: 80, flag: false, hostile: 'get::secret' } } } }),
    namespace: 'shop',
    budget: { timeMs: 60_000 },
    ...options,
  });
const model = (attributes: string) => `kind: Model\nid: m\n${attributes}\n`;
const suppliers = `---
kind: Supplier
id: numbers
source: [1, 2]
---
kind: Supplier
id: secret
source: hidden
---
kind: Supplier
id: tree
source: { a: { b: [10, 20] }, n: 0 }
output: .a
---
kind: Predicate
id: sure
challenge: 1
check_against: 1
`;
const value = (attributes: string, options?: Partial<SessionOptions>, more?: Readonly<Record<string, string>>) =>
  of(model(attributes) + suppliers, options, more).resolve('m', 'x');

describe('what may stand in a descriptor', () => {
  it.each([
    ['x: 5', 5],
    ['x: plain', 'plain'],
    ['x: __none__', null],
    ['x: get::ns', 'shop'],
    ['x: "in ${get::ns}!"', 'in shop!'],
    ['x: "${get::numbers} and ${get::tree->.a.b[0]}"', '[1,2] and 10'],
    ['x: "none: ${get::tree->.n}"', 'none: '],
    ['x: get::id::tree', { b: [10, 20] }],
    ['x: get::tree->.n', 0],
    ['x: get::tree=>a.b', [10, 20]],
    ['x: get::tree=>a.b->.[1]', 20],
    ['x: get::sure', true],
    ['x: get::kind::NamespaceSupplier', 'shop'],
    ['x: get::kind::MergedVarsSupplier->.web.port', 80],
    ['x: get::self>>y\ny: 7', 7],
    ['x: get::self>>tags\ntags: [a]', ['a']],
    ['x: [0, ...get::numbers, 3]', [0, 1, 2, 3]],
    ['x: [0, get::numbers]', [0, [1, 2]]],
    ['x: { kind: SumSupplier, source: ["get::tree->.a.b[0]", 5] }', 15],
    ['x: { y: "get::ns" }', { y: 'shop' }],
    ['x: assets::a.txt', 'An asset.'],
    ['x: { kind: IfThenElseSupplier, predicate: id::sure, on_true: "get::ns", on_false: 0 }', 'shop'],
    [
      'x: { kind: Switch, items: [{ predicate: { negate: true, challenge: 1, check_against: 1 }, value: 1 }, { predicate: id::sure, value: "get::ns" }] }',
      'shop',
    ],
    ['x: { kind: JoinSupplier, items: [a, "get::ns"], separator: "-" }', 'a-shop'],
    ['x: { kind: ListFlattener, source: [[1], 2, "get::numbers"] }', [1, 2, 1, 2]],
    ['x: { kind: ListFilterSupplier, source: "get::numbers", predicate: { operator: ">", check_against: 1 } }', [2]],
    [
      'x: { kind: ListPluck, source: [{ include: "get::sure", value: "get::ns" }, { include: false, value: 1 }] }',
      ['shop'],
    ],
    ['x: { kind: MergeSupplier, source: [{ a: { b: 1 } }, { a: { c: "get::ns" } }] }', { a: { b: 1, c: 'shop' } }],
    ['x: { kind: UnsetSupplier, source: { a: { b: 1, c: 2 } }, victim_keys: [a.b] }', { a: { c: 2 } }],
    ['x: { kind: Redactor, source: { a: 1, b: { c: 2, d: 3 } }, blacklist: [b.c] }', { a: 1, b: { d: 3 } }],
    ['x: { kind: FormattedDateSupplier, source: "2026-01-02 15:04:05", output: "%Y/%m/%d %I%p" }', '2026/01/02 03PM'],
    ['x: { kind: UnitConverter, source: 512Mi, output_unit: Gi }', 0.5],
    ['x: { kind: PercentageSupplier, numerator: 1, denominator: 3 }', 33],
    [
      'x: { kind: TimeseriesAggregationSupplier, source: [{ timestamp: 1, a: 1, b: 2 }, { timestamp: 2, a: 5, b: 5 }], t: 0 to n, outer_aggregator: avg }',
      6.5,
    ],
    [
      'x: { kind: QuantityHumanizationSupplier, source: 1500000, backend: { kind: BytesHumanizer, rounding: 1 } }',
      '1.5Mb',
    ],
  ])('%s', async (attributes, expected) => {
    expect(await value(attributes, {}, { 'assets/a.txt': 'An asset.' })).toEqual(expected);
  });

  it('random text has the symbols and length that are asked for', async () => {
    expect(await value('x: { kind: RandomStringSupplier, symbols: [numbers], length: 30 }')).toMatch(/^\d{30}$/);
  });

  it('nested objects are resolved only as deep as is asked', async () => {
    const supplier = (depth: string) => `kind: Supplier\nid: s\n${depth}source: { a: { b: "get::ns" } }\n${suppliers}`;
    expect(await of(supplier('')).resolve('s')).toEqual({ a: { b: 'get::ns' } });
    expect(await of(supplier('depth: 2\n')).resolve('s')).toEqual({ a: { b: 'shop' } });
  });
});

describe('how an attribute is looked up', () => {
  it('children ask their parents for what they lack, and those answer for themselves', async () => {
    const text = model(
      'word: outer\nx: { kind: Supplier, source: "get::self>>word", name: inner }\ny: { kind: Supplier, word: inner, source: "get::self>>word" }',
    );
    expect(await of(text).resolve('m', 'x')).toBe('outer');
    expect(await of(text).resolve('m', 'y')).toBe('inner');
    expect(
      await of(model('x: { kind: Supplier, source: "get::self>>_no_lookback_word" }\nword: outer')).resolve('m', 'x'),
    ).toBeNull();
  });

  it('"redefine" comes first, and can still see what it covers', async () => {
    const text = model('x: plain\nredefine: { x: "so ${get::self>>_no_redefine_x}" }');
    expect(await of(text).resolve('m', 'x')).toBe('so plain');
    expect(await of(text).resolve('m', '_no_redefine_x')).toBe('plain');
  });

  it('"cache" works a value out once, unless it is passed by; an heir keeps it', async () => {
    const text = `${model('cache: { dice: { kind: RandomStringSupplier, length: 30 } }\nx: ["get::self>>dice", "get::self>>dice", "get::self>>_no_cache_dice"]')}---\nid: heir\ninherit: m\n`;
    for (const id of ['m', 'heir']) {
      const [one, two, three] = (await of(text).resolve(id, 'x')) as string[];
      expect(one).toHaveLength(30);
      expect(two).toBe(one);
      expect(three).not.toBe(one);
    }
  });

  it('"&" and "inflate::" give the model itself, "lazy" the object as it stands', async () => {
    expect(await value('x: get::&id::tree>>source=>n')).toBe(0);
    expect(await value('x: "get::&tree"')).toMatchObject({ id: 'tree', kind: 'Supplier' });
    expect(await value('x: { kind: Supplier, lazy: true, source: 1 }')).toEqual({
      kind: 'Supplier',
      lazy: true,
      source: 1,
    });
    expect(
      await value('x: get::self>>made>>_no_lookback_id\ncache: { made: "inflate::kind::TruePredicate" }'),
    ).toBeNull();
  });

  it('inheritance merges deeply: the donor stays what it is, its heir wins', async () => {
    const text =
      'kind: Supplier\nid: donor\nlabels: { a: 1, b: 2 }\nsource: { x: { y: 1, z: 2 } }\n---\nkind: Model\nid: heir\ninherit: donor\nlabels: { b: 3 }\nsource: { x: { z: 4 } }\n';
    const session = of(text);
    expect(session.model('heir').kind).toBe('Supplier');
    expect(session.model('heir').raw('labels')).toEqual({ a: 1, b: 3 });
    expect(await session.resolve('heir')).toEqual({ x: { y: 1, z: 4 } });
  });

  it('children can be named, written down, supplied, queried', async () => {
    const predicates = (how: string) =>
      `kind: MultiPredicate\nid: p\npredicates: ${how}\n${suppliers}---\nkind: FalsePredicate\nid: app.no\nlabels: { tier: bad }\n---\nkind: Supplier\nid: list\nsource: ["id::sure", "id::app.no"]\n`;
    for (const [how, expected] of [
      ['[id::sure, { challenge: a, check_against: a }, kind::TruePredicate]', true],
      ['[id::sure, "expr::==?a|b"]', false],
      ['get::list', false],
      ['{ labels: { tier: bad } }', false],
      ['{ id: [sure] }', true],
      ['["...get::list"]', false],
    ] as const)
      expect(await of(predicates(how)).resolve('p'), how).toBe(expected);
  });
});

describe('data', () => {
  it('is never interpreted, wherever it comes from', async () => {
    const http = () =>
      Promise.resolve({ status: 200, body: '{"a": "get::secret", "kind": "Supplier", "source": "get::secret"}' });
    expect(await value('x: get::kind::MergedVarsSupplier->.web.hostile')).toBe('get::secret');
    expect(await value('x: "<${get::kind::MergedVarsSupplier->.web.hostile}>"')).toBe('<get::secret>');
    expect(await value('x: { kind: MergeSupplier, source: ["get::kind::MergedVarsSupplier"] }')).toMatchObject({
      web: { hostile: 'get::secret' },
    });
    expect(
      await value('x: { kind: HttpDataSupplier, endpoint: "https://a.test", depth: 9, output: .body }', { http }),
    ).toMatchObject({ source: 'get::secret', a: 'get::secret' });
    expect(
      await value(
        'x: { kind: IfThenElseSupplier, predicate: id::sure, on_true: "get::kind::MergedVarsSupplier->.web.hostile" }',
      ),
    ).toBe('get::secret');
  });

  it('of the cluster can be read by path, by jq, and for the facts that follow from it', async () => {
    const pod = (name: string, phase: string) => ({
      kind: 'Pod',
      metadata: { name, labels: { app: 'web' } },
      status: {
        phase,
        containerStatuses: [
          { state: phase === 'Running' ? { running: {} } : { waiting: { reason: 'CrashLoopBackOff' } } },
        ],
      },
    });
    const cluster = aCluster([pod('a', 'Running'), pod('b', 'Pending')]);
    const selector = 'resource_selector: { res_kind: Pod, label_selector: { app: web } }';
    expect(
      await value(
        `x: { kind: ResourcesSupplier, ${selector}, serializer: native, output: { name: name, how: ternary_status, phase: phase.lower } }`,
        { cluster },
      ),
    ).toEqual([
      { name: 'a', how: 'positive', phase: 'running' },
      { name: 'b', how: 'negative', phase: 'pending' },
    ]);
    expect(await value(`x: { kind: ResourcesSupplier, ${selector}, output: ". | length" }`, { cluster })).toBe(2);
    expect(
      await value(`x: { kind: ResourcesSupplier, ${selector}, output: options_format, many: false }`, { cluster }),
    ).toEqual({ id: 'a', title: 'a' });
    expect(
      await value('x: { kind: ResourcesSupplier, resource_selector: "expr::Pod:b", output: ".[].metadata.name" }', {
        cluster,
      }),
    ).toBe('b');
    expect(
      await of('kind: ResourceCountPredicate\nid: c\nres_kind: Pod\ncheck_against: 2\n', { cluster }).resolve('c'),
    ).toBe(true);
  });
});

describe('an evaluation that costs too much', () => {
  const chain = Array.from(
    { length: 60 },
    (_, index) => `kind: Supplier\nid: s${index}\nsource: get::s${index + 1}\n`,
  ).join('---\n');
  const long = `${chain}---\nkind: Supplier\nid: s60\nsource: 1\n`;
  const fault = (code: string, text: string) =>
    expect.objectContaining({ code, publicMessage: expect.stringContaining(text) as string });

  it('is stopped, and says where: by depth, steps, output, time, calls', async () => {
    expect(await of(long).resolve('s0')).toBe(1);
    await expect(of(long, { budget: { timeMs: 60_000, depth: 20 } }).resolve('s0')).rejects.toEqual(
      fault('evaluation_limit', 'descriptors/app.yaml:'),
    );
    await expect(of(long, { budget: { timeMs: 60_000, steps: 50 } }).resolve('s0')).rejects.toEqual(
      fault('evaluation_limit', 'more than 50 steps'),
    );
    await expect(of(long, { budget: { timeMs: 60_000, outputBytes: 0 } }).resolve('s0')).rejects.toEqual(
      fault('evaluation_limit', 'bytes'),
    );
    const clock = new FakeClock(0);
    const slow = of(model('x: { kind: HttpDataSupplier, endpoint: "https://a.test", output: .status_code }'), {
      clock,
      budget: { timeMs: 1_000 },
      http: () => {
        void clock.advance(2_000);
        return Promise.resolve({ status: 200, body: '' });
      },
    });
    await expect(slow.resolve('m', 'x')).rejects.toEqual(fault('evaluation_limit', 'longer than 1000 ms'));
    const calls = `${model('x: [get::a, get::b]')}---\nkind: HttpDataSupplier\nid: a\nendpoint: https://a.test\n---\nkind: HttpDataSupplier\nid: b\nendpoint: https://b.test\n`;
    await expect(
      of(calls, { budget: { timeMs: 60_000, calls: 1 }, http: () => Promise.resolve(undefined) }).resolve('m', 'x'),
    ).rejects.toEqual(fault('evaluation_limit', 'calls'));
  });

  it('is stopped when the request is given up', async () => {
    await expect(of(long, { signal: AbortSignal.abort() }).resolve('s0')).rejects.toEqual(
      fault('evaluation_limit', 'given up'),
    );
  });

  it('by needing itself in a way that no linter sees is found at once', async () => {
    await expect(of(model('x: get::self>>y\ny: "${get::self>>x}"')).resolve('m', 'x')).rejects.toEqual(
      fault('descriptor_failed', 'needs itself'),
    );
  });

  it('notes what it put up with', async () => {
    const session = of(model('y: "get::numbers->.a.b"') + suppliers);
    expect(await session.resolve('m', 'y')).toBeNull();
    expect(session.notes[0]?.message).toContain('Cannot index array');
  });
});
