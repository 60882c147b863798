import type { Behaviour, ModelView } from '../resolve/model-view.js';
import { textOf, toBoolean } from '../values/coerce.js';
import { type Dict, deepToFlat, deepUnset, flatToDeep, isDict, mergeAll, ownOf } from '../values/dict.js';
import { formatDate, parseDate } from './dates.js';
import { entryOf, mergedVars, readSpace } from './kamafile.js';
import { convertQuantity } from './quantities.js';
import { randomText } from './random-text.js';
import { hubOf } from './releases.js';
import { listResources } from './resource-selection.js';

const sourceOf = (model: ModelView): Promise<unknown> => model.own('source');
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const dictOf = (value: unknown): Dict => (isDict(value) ? value : {});
const holds = async (model: ModelView, attribute = 'predicate', given?: Record<string, unknown>): Promise<boolean> => {
  const backup = given && { challenge: given['value'] };
  const predicate = await model.childOf(attribute, 'Predicate', {
    ...(given ? { given } : {}),
    ...(backup ? { backup } : {}),
  });
  if (predicate) return toBoolean(await predicate.supply());
  return toBoolean(await model.own(attribute));
};
const supplier = (compute: (model: ModelView) => Promise<unknown>): Behaviour => ({ compute });
const finished = (compute: (model: ModelView) => Promise<unknown>): Behaviour => ({ compute, final: true });

const plumbing: Readonly<Record<string, Behaviour>> = {
  Supplier: supplier(sourceOf),
  SelfSupplier: supplier((model) => Promise.resolve(model.parent ?? null)),
  ParentSupplier: supplier((model) => Promise.resolve(model.parent?.parent ?? null)),
  DelayedInflateSupplier: supplier(async (model) => (await model.child(model.raw('source'), 'Model')) ?? null),
  PredicateResultSupplier: supplier((model) => holds(model)),
  Consts: supplier((model) => Promise.resolve(model)),
};

async function chosen(model: ModelView): Promise<unknown> {
  const on = await holds(model);
  const names = on ? ['on_true', 'if_true'] : ['on_false', 'if_false'];
  const name = names.find((each) => model.has(each)) ?? names[0] ?? '';
  return model.own(name);
}

async function switched(model: ModelView): Promise<unknown> {
  const raw = model.raw('items') ?? model.raw('source');
  for (const item of listOf(Array.isArray(raw) ? raw : await sourceOf(model))) {
    if (!isDict(item)) continue;
    const predicate = await model.child(await predicateOf(model, item), 'Predicate');
    if (predicate && (await predicate.supply())) return model.resolve(ownOf(item, 'value'));
  }
  return null;
}

const predicateOf = async (model: ModelView, item: Dict): Promise<unknown> => {
  const written = ownOf(item, 'predicate');
  return isDict(written)
    ? written
    : typeof written === 'string' && written.startsWith('get::')
      ? model.resolve(written)
      : written;
};

async function filtered(model: ModelView): Promise<unknown[]> {
  const kept: unknown[] = [];
  for (const item of listOf(await sourceOf(model)))
    if (await holds(model, 'predicate', { value: item })) kept.push(item);
  return kept;
}

async function plucked(model: ModelView): Promise<unknown[]> {
  const flat = toBoolean(await model.own('flat'));
  const kept: unknown[] = [];
  for (const item of listOf(model.raw('source') ?? (await sourceOf(model)))) {
    if (!isDict(item) || !toBoolean(await model.resolve(ownOf(item, 'include')))) continue;
    const value = await model.resolve(ownOf(item, 'value'));
    if (flat && Array.isArray(value)) kept.push(...(value as unknown[]));
    else kept.push(value);
  }
  return kept;
}

async function redacted(model: ModelView): Promise<unknown> {
  const source = await model.own('source', { depth: 10 });
  if (!isDict(source)) return source;
  const [white, black] = [listOf(await model.own('whitelist')), listOf(await model.own('blacklist'))];
  const within = (key: string, keys: readonly unknown[]): boolean =>
    keys.some((each) => key === each || key.startsWith(`${String(each)}.`));
  const kept = Object.entries(deepToFlat(source)).filter(
    ([key]) => (white.length === 0 || within(key, white)) && !within(key, black),
  );
  return flatToDeep(Object.fromEntries(kept));
}

const algebra: Readonly<Record<string, Behaviour>> = {
  IfThenElseSupplier: supplier(chosen),
  Switch: finished(switched),
  MergeSupplier: supplier(async (model) => mergeAll(listOf(await model.own('source', { depth: 48 })).map(dictOf))),
  UnsetSupplier: supplier(async (model) =>
    deepUnset(dictOf(await sourceOf(model)), listOf(await model.attr('victim_keys')).map(String)),
  ),
  SumSupplier: supplier(async (model) =>
    listOf(await sourceOf(model)).reduce<number>((sum, each) => sum + (Number(each ?? 0) || 0), 0),
  ),
  JoinSupplier: supplier(async (model) =>
    listOf(await model.own('items'))
      .map(textOf)
      .join(String((await model.own('separator')) ?? ',')),
  ),
  ListFlattener: supplier(async (model) =>
    listOf(await sourceOf(model)).flatMap((each) => (Array.isArray(each) ? (each as unknown[]) : [each])),
  ),
  ListFilterSupplier: supplier(filtered),
  ListPluck: finished(plucked),
  FormattedDateSupplier: finished(async (model) => {
    const date = parseDate(await sourceOf(model));
    return date && formatDate(date, String((await model.own('output')) ?? '%b %d at %I:%M%p %Z'));
  }),
  UnitConverter: supplier(async (model) =>
    convertQuantity(await sourceOf(model), String((await model.own('output_unit')) ?? '')),
  ),
  Redactor: supplier(redacted),
  RandomStringSupplier: finished(async (model) =>
    randomText(listOf((await model.own('symbols')) ?? ['letters']), Number((await model.own('length')) ?? 16)),
  ),
};

const kamafile: Readonly<Record<string, Behaviour>> = {
  ConfigSupplier: supplier(async (model) => {
    const key = String((await model.own('field_key')) ?? 'user_vars');
    if (key === 'ns') return model.evaluation.parts.namespace;
    return entryOf(await readSpace(model.evaluation, model.configSpace), key);
  }),
  NamespaceSupplier: supplier((model) => Promise.resolve(model.evaluation.parts.namespace)),
  MergedVarsSupplier: supplier((model) => mergedVars(model.evaluation, model.configSpace)),
  DefaultVariablesSupplier: supplier(async (model) =>
    flatToDeep((await readSpace(model.evaluation, model.configSpace)).default_vars),
  ),
  FreshDefaultsSupplier: supplier(async (model) =>
    engineOf(model, (engine, ktea, signal) => engine.defaults(ktea, signal)),
  ),
  PresetAssignmentsSupplier: supplier(async (model) => {
    const name = String(await sourceOf(model));
    return engineOf(model, (engine, ktea, signal) => engine.preset?.(ktea, name, signal) ?? Promise.resolve({}));
  }),
  LatestVendorInjectionSupplier: supplier(async (model) => {
    const { parts } = model.evaluation;
    const hub = await hubOf(model.evaluation);
    const signal = parts.budget.call(() => model.standing());
    return (await hub?.injection(model.configSpace, signal)) ?? null;
  }),
};

type Engine = NonNullable<ModelView['evaluation']['parts']['engine']>;

/** engineOf asks the templating engine of a model: its own, or the one of its space. */
async function engineOf<T>(
  model: ModelView,
  ask: (engine: Engine, ktea: Dict, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const engine = model.evaluation.need('engine', model.id ?? model.kind);
  const ktea =
    (await model.attr('ktea', { depth: 8 })) ?? entryOf(await readSpace(model.evaluation, model.configSpace), 'ktea');
  if (!isDict(ktea)) throw model.failed('ktea', 'there is no templating engine for this space.');
  return ask(
    engine,
    ktea,
    model.evaluation.parts.budget.call(() => model.standing()),
  );
}

const outside: Readonly<Record<string, Behaviour>> = {
  ResourcesSupplier: {
    compute: async (model) => {
      const selector = await model.childOf(
        model.has('selector') ? 'selector' : 'resource_selector',
        'ResourceSelector',
      );
      if (!selector) throw model.failed('resource_selector', 'there is no resource selector.');
      return listResources(selector);
    },
    computed: {
      // The older word for what a list of options looks like.
      output: {
        get: async (model) => {
          const output = await model.own('_no_virtual_output');
          return output === 'options_format' ? { id: 'name', title: 'name' } : output;
        },
      },
      serializer: {
        get: async (model) =>
          (await model.own('_no_virtual_serializer')) ?? (model.raw('output') === 'options_format' ? 'native' : 'jq'),
      },
    },
  },
  HttpDataSupplier: supplier(async (model) => {
    const url = String((await model.own('endpoint')) ?? '');
    const { evaluation } = model;
    const answer = await evaluation.once(`http:${url}`, () =>
      evaluation.need('http', model.id ?? model.kind)(
        url,
        evaluation.parts.budget.call(() => model.standing('endpoint')),
      ),
    );
    return answer ? { status_code: answer.status, body: parsedBody(answer.body) } : null;
  }),
  PodShellExecOutputSupplier: supplier((model) => {
    throw model.failed(
      'command',
      'nothing runs in a pod while somebody reads: use a PodShellExecAction, whose job tells the output.',
    );
  }),
  ImageSrcSupplier: supplier(async (model) => {
    const source = await sourceOf(model);
    return typeof source === 'string' ? source : null;
  }),
};

function parsedBody(body: string): unknown {
  try {
    return JSON.parse(body) as unknown;
  } catch {
    return {};
  }
}

/** What suppliers do, by kind; `series-suppliers.ts` and `site-access.ts` hold the rest. */
export const supplierBehaviours: Readonly<Record<string, Behaviour>> = {
  ...plumbing,
  ...algebra,
  ...kamafile,
  ...outside,
};
