import type { Behaviour, ModelView } from '../resolve/model-view.js';
import { type Dict, deepGet, isDict } from '../values/dict.js';

const offsetSecondsDefault = 3 * 3_600;
const secondsOf: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800 };

/** Seconds, or a duration as Prometheus writes it: `90s`, `30m`, `3h`. */
async function seconds(model: ModelView, name: string, fallback: number): Promise<number> {
  const given = await model.attr(name);
  if (given === null) return fallback;
  const [, amount = '', unit = 's'] = /^(\d{1,9})([smhdw])?$/.exec(String(given)) ?? [];
  if (amount === '') throw model.failed(name, `"${String(given).slice(0, 50)}" is no duration, such as 30m or 3h.`);
  return Number(amount) * (secondsOf[unit] ?? 1);
}

type Query = Readonly<Record<string, string>>;

/** Of Prometheus' own form: `{status, data, error}`. None when nobody answers. */
async function ask(model: ModelView, path: string, query: Query): Promise<Dict | undefined> {
  const { evaluation } = model;
  const who = model.id ?? model.kind;
  const [url, service] = [await model.attr('url'), await model.attr('service')];
  if (isDict(service)) {
    const cluster = evaluation.need('cluster', who);
    const place = {
      name: String(service['name'] ?? ''),
      namespace: String(service['namespace'] ?? evaluation.parts.namespace),
      port: String(service['port'] ?? 9090),
    };
    return evaluation.once(`prometheus:${JSON.stringify([place, path, query])}`, async () => {
      const signal = evaluation.parts.budget.call(() => model.standing('service'));
      const answer = await cluster.service?.(place, { path, query }, signal);
      return isDict(answer) ? answer : undefined;
    });
  }
  if (typeof url !== 'string')
    throw model.failed('url', 'needs a "url" of Prometheus, or its "service" in the cluster.');
  const target = `${url.replace(/\/+$/, '')}${path}?${new URLSearchParams(query)}`;
  const answer = await evaluation.once(`http:${target}`, () =>
    evaluation.need('http', who)(
      target,
      evaluation.parts.budget.call(() => model.standing('url')),
    ),
  );
  return answer && parsed(answer.body);
}

function parsed(body: string): Dict | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return isDict(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** isPrometheusThere asks for nothing in particular. */
export const isPrometheusThere = async (model: ModelView): Promise<boolean> =>
  (await ask(model, '/api/v1/query', { query: '1' }))?.['status'] === 'success';

/** What a query gives, as Prometheus says it: a list of `{metric, value}` or `{metric, values}`; null when nobody answers. For `ping`: whether somebody does. */
async function promData(model: ModelView): Promise<unknown> {
  const type = String((await model.attr('type')) ?? 'vector');
  if (type === 'ping') return isPrometheusThere(model);
  const query = String((await model.attr('query')) ?? '');
  const now = Math.trunc(model.evaluation.parts.clock.nowMs() / 1_000);
  const end = now - (await seconds(model, 'tn_offset', 0));
  const start = now - (await seconds(model, 't0_offset', offsetSecondsDefault));
  const step = String(await seconds(model, 'step', Math.max(1, Math.ceil((end - start) / 60))));
  const answer =
    type === 'matrix'
      ? await ask(model, '/api/v1/query_range', { query, start: String(start), end: String(end), step })
      : await ask(model, '/api/v1/query', { query, time: String(end) });
  if (answer === undefined) return null;
  if (answer['status'] !== 'success')
    throw model.failed('query', `Prometheus refuses it: ${String(answer['error'] ?? 'no reason given').slice(0, 300)}`);
  const result = deepGet(answer, 'data.result');
  return Array.isArray(result) ? result : [];
}

const seriesOf = async (model: ModelView): Promise<readonly Dict[]> => {
  const source = await model.own('source');
  return Array.isArray(source) ? source.filter(isDict) : [];
};

/** A label's value names a series; without one, all its labels do, and one that has none is "value". */
async function namerOf(model: ModelView): Promise<(series: Dict) => string> {
  const key = await model.attr('series_key');
  return ({ metric }) => {
    const labels = isDict(metric) ? metric : {};
    const named = typeof key === 'string' ? labels[key] : Object.values(labels).map(String).join(' ');
    return named === undefined || named === '' ? 'value' : String(named);
  };
}

/** A row for each time: `{timestamp, [series]: number}`, timestamps in ISO 8601. */
async function matrixToSeries(model: ModelView): Promise<readonly Dict[]> {
  const nameOf = await namerOf(model);
  const rows = new Map<number, Dict>();
  for (const series of await seriesOf(model))
    for (const point of Array.isArray(series['values']) ? series['values'] : []) {
      const [at, value] = Array.isArray(point) ? point : [];
      if (typeof at !== 'number') continue;
      const row = rows.get(at) ?? { timestamp: new Date(at * 1_000).toISOString() };
      rows.set(at, { ...row, [nameOf(series)]: Number(value) });
    }
  return [...rows].sort(([left], [right]) => left - right).map(([, row]) => row);
}

async function vectorsToGroups(model: ModelView): Promise<readonly Dict[]> {
  const nameOf = await namerOf(model);
  return (await seriesOf(model)).map((series) => ({
    name: nameOf(series),
    value: Number(Array.isArray(series['value']) ? series['value'][1] : Number.NaN),
  }));
}

/** What suppliers of Prometheus' figures do, by kind. */
export const prometheusBehaviours: Readonly<Record<string, Behaviour>> = {
  PromDataSupplier: { compute: promData },
  PromMatrixToSeriesSupplier: { compute: matrixToSeries, final: true },
  PromVectorsToGroupsSupplier: { compute: vectorsToGroups, final: true },
};
