import type { ModelView } from '../resolve/model-view.js';
import { type Dict, isDict } from '../values/dict.js';

/** GlanceView is a tile of the overview, in the older form of view specs. */
export interface GlanceView {
  readonly title: string | null;
  readonly legend: unknown;
  readonly content_spec: unknown;
  readonly view_type: string;
  readonly url: unknown;
  readonly path: unknown;
  readonly legend_icon: unknown;
  readonly legend_emotion: unknown;
}

type Content = (glance: ModelView) => Promise<Dict>;

const withText = (text: unknown, graphic: unknown, ok: boolean | null): Dict => ({
  graphic_type: 'icon',
  graphic,
  graphic_emotion: ok === null ? null : ok ? 'pos' : 'nega',
  text,
});

const byPredicate: Content = async (glance) => {
  const predicate = await glance.childOf('predicate', 'Predicate');
  const ok = predicate ? Boolean(await predicate.supply()) : null;
  const words =
    (await glance.own(ok ? 'text_ok' : 'text_bad')) ?? (ok === null ? 'Unknown' : ok ? 'Online' : 'Offline');
  return withText(words, (await glance.own(ok ? 'icon_ok' : 'icon_bad')) ?? (ok ? 'check' : 'close'), ok);
};

const byEndpoint: Content = async (glance) => {
  const url = await urlOf(glance);
  return withText(url ?? 'Not reachable', (await glance.own('graphic')) ?? 'language', url !== null);
};

const byPercentage: Content = async (glance) => {
  const given = await glance.own('percentage');
  const [numerator, denominator] = [Number(await glance.own('numerator')), Number(await glance.own('denominator'))];
  const share = given === null ? (denominator > 0 ? (numerator / denominator) * 100 : null) : Number(given);
  return { percentage: share === null || !Number.isFinite(share) ? null : Math.round(share * 100) / 100 };
};

const bySeries: Content = async (glance) => {
  const series = await glance.own('time_series_data', { depth: 4 });
  return { data: Array.isArray(series) ? series : [] };
};

const kinds: readonly (readonly [string, string, Content])[] = [
  ['EndpointGlance', 'graphic_and_text', byEndpoint],
  ['PredicateGlance', 'graphic_and_text', byPredicate],
  ['PercentageGlance', 'pct_pie', byPercentage],
  ['TimeSeriesGlance', 'chart', bySeries],
];

async function urlOf(glance: ModelView): Promise<unknown> {
  const url = await glance.own('url', { depth: 2 });
  return isDict(url) ? (url['url'] ?? null) : url;
}

/** glanceView works a glance out. */
export async function glanceView(glance: ModelView): Promise<GlanceView> {
  const [, viewType, content] = kinds.find(([kind]) => glance.isA(kind)) ?? ['Glance', 'graphic_and_text', undefined];
  const own = (await glance.own('content_spec', { depth: 48 })) ?? null;
  return {
    title: await glance.text('title'),
    legend: (await glance.own('legend')) ?? (await glance.text('info')),
    content_spec: own ?? (content ? await content(glance) : {}),
    view_type: (await glance.text('view_type')) ?? viewType,
    url: await urlOf(glance),
    path: await glance.own('path'),
    legend_icon: await glance.own('legend_icon'),
    legend_emotion: await glance.own('legend_emotion'),
  };
}
