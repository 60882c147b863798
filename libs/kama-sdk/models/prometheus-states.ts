import type { Behaviour, ModelView } from '../resolve/model-view.js';
import { type Dict, deepGet, isDict } from '../values/dict.js';
import { isPrometheusThere } from './prometheus.js';
import { forwardTo } from './site-access.js';

/** serviceOf finds the Service that "service" names, if there is one. */
async function serviceOf(model: ModelView): Promise<Dict | undefined> {
  const { evaluation } = model;
  const wanted = await model.attr('service');
  if (!isDict(wanted)) return undefined;
  const namespace = String(wanted['namespace'] ?? evaluation.parts.namespace);
  const services = await evaluation.once(`list:services:${namespace}`, () =>
    evaluation.need('cluster', model.id ?? model.kind).list(
      { kind: 'Service', namespace },
      evaluation.parts.budget.call(() => model.standing('service')),
    ),
  );
  return services.find((each) => deepGet(each, 'metadata.name') === wanted['name']);
}

interface Way {
  readonly is_in_cluster: boolean;
  /** Where a browser goes, in words. */
  readonly action_preview_str: unknown;
  /** What a button does: forward a port of the cluster, or open an address. */
  readonly action_spec: Dict | null;
}

async function wayTo(model: ModelView): Promise<Way> {
  if (isDict(await model.attr('service'))) {
    const service = await serviceOf(model);
    const uri = service ? await forwardTo(model, service) : null;
    const action_spec = uri === null ? null : { type: 'port_forward', uri };
    return { is_in_cluster: true, action_preview_str: 'http://localhost', action_spec };
  }
  const uri = await model.attr('url');
  return { is_in_cluster: false, action_preview_str: uri, action_spec: uri === null ? null : { type: 'www', uri } };
}

async function prometheusState(model: ModelView): Promise<Dict> {
  const is_online = await isPrometheusThere(model);
  return { status: is_online ? 'online' : 'offline', is_online, ...(await wayTo(model)) };
}

/** Grafana is there when its Service is, or an address was given: nobody asks it, since its own login stands before every answer. */
async function grafanaState(model: ModelView): Promise<Dict> {
  const way = await wayTo(model);
  const is_configured = way.is_in_cluster
    ? (await serviceOf(model)) !== undefined
    : typeof way.action_preview_str === 'string' && way.action_preview_str !== '';
  if (is_configured) return { status: 'enabled', is_configured, ...way };
  return { status: 'disabled', is_configured, ...way, action_preview_str: 'no access', action_spec: null };
}

/** What suppliers that tell where Prometheus and Grafana are do, by kind. */
export const prometheusStates: Readonly<Record<string, Behaviour>> = {
  PromStateSupplier: { compute: prometheusState },
  GrafanaStateSupplier: { compute: grafanaState },
};
