import { describe, expect, it } from 'vitest';
import { loadBundle } from '../descriptors/compile-bundle.js';
import { openSession, type SessionOptions } from '../session/session.js';
import { aCluster, anEngine, files } from '../test/fakes.js';
import { aKamafile } from '../test/kamafiles.js';

const value = (attribute: string, options: Partial<SessionOptions> = {}, before = '') =>
  openSession(loadBundle(files(`${before}kind: Model\nid: m\nword: outer\nx: ${attribute}\n`)), {
    kamafile: aKamafile({ app: { entries: { ktea: { type: 'server', uri: 'x', version: '1' }, is_prototype: true } } }),
    namespace: 'shop',
    budget: { timeMs: 60_000 },
    ...options,
  }).resolve('m', 'x');

/** What the other specs do not touch. */
describe('suppliers', () => {
  it('give the model that asks, and the one around it', async () => {
    expect(await value('{ kind: Supplier, word: inner, source: "get::kind::SelfSupplier>>word" }')).toBe('inner');
    expect(await value('{ kind: Supplier, word: inner, source: "get::kind::ParentSupplier>>word" }')).toBe('outer');
  });

  it('give another model instead of its value', async () => {
    const other = 'kind: Supplier\nid: other\nsource: its value\n---\n';
    expect(await value('{ kind: DelayedInflateSupplier, source: "id::other" }', {}, other)).toMatchObject({
      id: 'other',
      kind: 'Supplier',
    });
  });

  it('tell whether a predicate holds', async () => {
    const of = (right: number) =>
      value(`{ kind: PredicateResultSupplier, predicate: { kind: Predicate, challenge: 1, check_against: ${right} } }`);
    expect([await of(1), await of(2)]).toEqual([true, false]);
  });

  it('ask the engine for the assignments of a preset; one without presets has none', async () => {
    const asked: unknown[] = [];
    const engine = anEngine({
      preset: (ktea, name) => {
        asked.push([ktea['version'], name]);
        return Promise.resolve({ web: { replicas: 9 } });
      },
    });
    const preset = '{ kind: PresetAssignmentsSupplier, source: large }';
    expect(await value(preset, { engine })).toEqual({ web: { replicas: 9 } });
    expect(asked).toEqual([['1', 'large']]);
    expect(await value(preset, { engine: anEngine() })).toEqual({});
  });

  it('give the injection that waits, or nothing', async () => {
    const latest = '{ kind: LatestVendorInjectionSupplier }';
    const mock = 'kind: Supplier\nid: sdk.provider.mock.injection\nsource: { standard: { seats: 5 } }\n---\n';
    expect(await value(latest, {}, mock)).toEqual({ standard: { seats: 5 } });
    expect(await value(latest)).toBeNull();
  });

  it('sum a series up, and say where it goes', async () => {
    const summary = (values: string, more = '') => value(`{ kind: SeriesSummarySupplier, source: [${values}]${more} }`);
    expect(await summary('{ value: 1 }, { value: 2 }, { value: 6 }')).toMatchObject({
      ...{ direction: 'up', good_direction: 'up', summary_value: '6' },
      humanized_series: [{ value: 1 }, { value: 2 }, { value: 6 }],
    });
    expect(await summary('{ value: 4 }, { value: 2 }', ', reducer: sum, good_direction: down')).toMatchObject({
      ...{ direction: 'down', good_direction: 'down', summary_value: '6' },
    });
    expect(await summary('{ value: 4 }')).toMatchObject({ direction: null });
    expect(await summary('')).toBeNull();
  });

  it('tell how the pods of a workload are', async () => {
    const labels = { app: 'web' };
    const named = (kind: string, name: string, more: object) => ({
      ...{ kind, metadata: { name, namespace: 'shop', labels }, ...more },
    });
    const web = named('Deployment', 'web', { spec: { selector: { matchLabels: labels } } });
    const running = { status: { phase: 'Running', containerStatuses: [{ state: { running: {} } }] } };
    const failed = { status: { phase: 'Failed' } };
    const other = { kind: 'Pod', metadata: { name: 'other', namespace: 'shop', labels: { app: 'x' } }, ...running };
    const cluster = aCluster([web, named('Pod', 'good', running), named('Pod', 'bad', failed), other]);
    const source = '{ kind: ResourcesSupplier, resource_selector: "expr::Deployment:web" }';
    expect(await value(`{ kind: PodStatusSummariesSupplier, source: ${source} }`, { cluster })).toEqual([
      { ternary_status: 'positive', pod_name: 'good', phase: 'Running' },
      { ternary_status: 'negative', pod_name: 'bad', phase: 'Failed' },
    ]);
  });

  it('pass the address of an image on, and nothing that is none', async () => {
    expect(await value('{ kind: ImageSrcSupplier, source: "https://a.test/x.png" }')).toBe('https://a.test/x.png');
    expect(await value('{ kind: ImageSrcSupplier, source: [1] }')).toBeNull();
  });

  it('run no command in a pod while somebody reads', async () => {
    const output = value('{ kind: PodShellExecOutputSupplier, pod: web, command: ls }');
    await expect(output).rejects.toMatchObject({ publicMessage: expect.stringContaining('PodShellExecAction') });
  });
});
