import type { Behaviour, ModelView } from '../resolve/model-view.js';
import { ternaryStatus } from '../resolve/resource-facts.js';
import { type Dict, deepGet, isDict } from '../values/dict.js';
import { humanBytes, readQuantity } from './quantities.js';
import { listResources } from './resource-selection.js';

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const numberOf = (value: unknown): number => {
  const number = Number(value ?? Number.NaN);
  return Number.isFinite(number) ? number : 0;
};

async function percentage(model: ModelView): Promise<number> {
  const fraction = await model.attr('fraction');
  const part =
    fraction === null
      ? numberOf(await model.attr('numerator')) / numberOf(await model.attr('denominator'))
      : numberOf(fraction);
  const rounding = Math.max(0, Math.min(12, Math.trunc(numberOf(await model.attr('rounding')))));
  const percent = part * 100;
  if (!Number.isFinite(percent)) return 0;
  return rounding === 0 ? Math.trunc(percent) : Number(percent.toFixed(rounding + 1));
}

interface Humanised {
  readonly amount: string;
  readonly unit: string;
  readonly whole: string;
}

/** humanise writes a quantity as a humaniser says: bytes with their unit, processor time in cores or thousandths. */
async function humanise(humaniser: ModelView | undefined, value: unknown): Promise<Humanised> {
  const raw = numberOf(value);
  const rounding = Math.max(0, Math.min(12, Math.trunc(numberOf(await humaniser?.attr('rounding')))));
  const round = (amount: number): string =>
    rounding > 0 ? String(Number(amount.toFixed(rounding))) : String(Math.trunc(amount));
  const [prefix, suffix] = [await humaniser?.own('prefix'), await humaniser?.own('suffix')].map((each) =>
    typeof each === 'string' ? each : '',
  );
  if (humaniser?.isA('BytesHumanizer')) {
    const { amount, unit } = humanBytes(raw);
    return { amount: round(amount), unit, whole: `${prefix}${round(amount)}${unit}b${suffix}` };
  }
  if (humaniser?.isA('CoresHumanizer')) {
    const [amount, unit] = raw < 1 ? [round(raw * 1000), 'm'] : [round(raw), ''];
    return { amount, unit, whole: `${prefix}${amount}${unit}${suffix}` };
  }
  return { amount: round(raw), unit: '', whole: `${prefix}${round(raw)}${suffix}` };
}

async function humanised(model: ModelView): Promise<string> {
  const { amount, unit, whole } = await humanise(
    await model.childOf('backend', 'QuantityHumanizer'),
    await model.own('source'),
  );
  const output = await model.own('output');
  return output === 'quantity' ? amount : output === 'unit' ? unit : whole;
}

async function seriesSummary(model: ModelView): Promise<unknown> {
  const series = listOf(await model.own('source')).filter(isDict);
  if (series.length === 0) return null;
  const humaniser = model.has('humanizer') ? await model.childOf('humanizer', 'QuantityHumanizer') : undefined;
  const values = series.map((point) => numberOf(point['value']));
  const sum = values.reduce((total, value) => total + value, 0);
  const last = values.at(-1) ?? 0;
  const chosen = (await model.own('reducer')) === 'sum' ? sum : last;
  const humanisedSeries: Dict[] = [];
  for (const point of series)
    humanisedSeries.push({ ...point, value: Number((await humanise(humaniser, point['value'])).amount) });
  return {
    series,
    humanized_series: humanisedSeries,
    direction: series.length < 2 ? null : last > sum / series.length ? 'up' : 'down',
    good_direction: (await model.own('good_direction')) ?? 'up',
    summary_value: (await humanise(humaniser, chosen)).whole,
  };
}

const aggregators: Readonly<Record<string, (values: readonly number[]) => number>> = {
  sum: (values) => values.reduce((total, value) => total + value, 0),
  avg: (values) => (values.length === 0 ? 0 : values.reduce((total, value) => total + value, 0) / values.length),
};

async function aggregatorOf(model: ModelView, name: string): Promise<(values: readonly number[]) => number> {
  const word = String((await model.own(name)) ?? 'sum');
  const found = aggregators[word === 'average' ? 'avg' : word];
  if (!found) throw model.failed(name, `there is no aggregator "${word}".`);
  return found;
}

/** "n" is the number of points, "n-1" the last one, "0 to n" all of them. */
function pointsOf(points: readonly Dict[], expression: string): readonly Dict[] {
  const at = (text: string): number =>
    /^n(-\d{1,9})?$/.test(text) ? points.length - Number(text.slice(2) || 0) : Number.parseInt(text, 10) || 0;
  const [from = '', to] = expression.split(' to ', 2).map((part) => part.trim());
  return points.slice(at(from), to === undefined ? at(from) + 1 : at(to));
}

async function aggregation(model: ModelView): Promise<number | null> {
  const series = listOf(await model.own('source')).filter(isDict);
  if (series.length === 0) return null;
  const [inner, outer] = [await aggregatorOf(model, 'inner_aggregator'), await aggregatorOf(model, 'outer_aggregator')];
  const points = pointsOf(series, String((await model.own('t')) ?? 'n-1'));
  const quantities = (point: Dict): number[] =>
    Object.entries(point).flatMap(([key, value]) => (key === 'timestamp' ? [] : [numberOf(value)]));
  return outer(points.map((point) => inner(quantities(point))));
}

const bounds: Readonly<Record<string, readonly [list: 'limits' | 'requests', metric: 'cpu' | 'memory']>> = {
  cpu_limit: ['limits', 'cpu'],
  memory_limit: ['limits', 'memory'],
  cpu_request: ['requests', 'cpu'],
  memory_request: ['requests', 'memory'],
};

const containersOf = (pod: Dict): readonly Dict[] => listOf(deepGet(pod, 'spec.containers')).filter(isDict);
const labelsOf = (object: unknown): Dict => (isDict(object) ? object : {});

/** podsOf finds the pods of workloads: those that carry the labels that the workload selects by; pods stand for themselves. */
async function podsOf(model: ModelView, workloads: readonly Dict[]): Promise<readonly Dict[]> {
  const { evaluation } = model;
  const cluster = evaluation.need('cluster', model.id ?? model.kind);
  const namespace = evaluation.parts.namespace;
  const pods = await evaluation.once(`list:pods:${namespace}`, () =>
    cluster.list(
      { kind: 'Pod', namespace },
      evaluation.parts.budget.call(() => model.standing()),
    ),
  );
  return pods.filter((pod) =>
    workloads.some((workload) => {
      if (workload['kind'] === 'Pod') return deepGet(workload, 'metadata.name') === deepGet(pod, 'metadata.name');
      const wanted = Object.entries(labelsOf(deepGet(workload, 'spec.selector.matchLabels')));
      const labels = labelsOf(deepGet(pod, 'metadata.labels'));
      return wanted.length > 0 && wanted.every(([key, value]) => labels[key] === value);
    }),
  );
}

async function workloadsOf(model: ModelView): Promise<readonly Dict[]> {
  const explicit = await model.attr('workloads');
  if (explicit !== null) return (Array.isArray(explicit) ? explicit : [explicit]).filter(isDict);
  const found: Dict[] = [];
  for (const selector of await model.childrenOf('resource_selectors', 'ResourceSelector'))
    found.push(...(await listResources(selector)));
  return found;
}

async function usage(model: ModelView): Promise<unknown> {
  const metric = (await model.attr('metric_type')) === 'cpu' ? 'cpu' : 'memory';
  const pods = await podsOf(model, await workloadsOf(model));
  const names = new Set(pods.map((pod) => deepGet(pod, 'metadata.name')));
  const { parts } = model.evaluation;
  const measured =
    (await parts.cluster?.metrics?.(
      parts.namespace,
      parts.budget.call(() => model.standing()),
    )) ?? [];
  const used = measured
    .filter((each) => names.has(deepGet(each, 'metadata.name')))
    .flatMap((each) => listOf(each['containers']).filter(isDict))
    .reduce((total, container) => total + readQuantity(deepGet(container, `usage.${metric}`)), 0);
  const bound = bounds[String(await model.attr('upper_bound_type'))];
  const most =
    bound &&
    pods
      .flatMap(containersOf)
      .reduce((total, each) => total + readQuantity(deepGet(each, `resources.${bound[0]}.${bound[1]}`)), 0);
  const upper = most ? most : null;
  return {
    usage: used,
    upper_bound: upper,
    fraction_used: upper === null ? null : used / upper,
    pct_used: upper === null ? null : Math.trunc((used / upper) * 100),
  };
}

async function podSummaries(model: ModelView): Promise<unknown> {
  const source = await model.own('source');
  const workloads = (Array.isArray(source) ? source : [source]).filter(isDict);
  return (await podsOf(model, workloads)).map((pod) => ({
    ternary_status: ternaryStatus(pod),
    pod_name: deepGet(pod, 'metadata.name'),
    phase: deepGet(pod, 'status.phase'),
  }));
}

const finished = (compute: (model: ModelView) => Promise<unknown>): Behaviour => ({ compute, final: true });

/** What suppliers of figures do, by kind. */
export const seriesBehaviours: Readonly<Record<string, Behaviour>> = {
  PercentageSupplier: { compute: percentage },
  QuantityHumanizationSupplier: finished(humanised),
  SeriesSummarySupplier: finished(seriesSummary),
  TimeseriesAggregationSupplier: { compute: aggregation },
  ResourceUsageSupplier: { compute: usage },
  PodStatusSummariesSupplier: finished(podSummaries),
};
