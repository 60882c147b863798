import { Fault } from '@nm/kernel/fault';
import { type ErrorCapture, type RemediationOption, remediationsFor } from '../actions/action-error.js';
import type { PlannedAction } from '../actions/plan-action.js';
import { appSpace } from '../descriptors/bundle-files.js';
import { matchesQuery } from '../descriptors/query.js';
import { type Diagnosis, diagnosesOf, handlerFor } from '../models/diagnoses.js';
import { type GlanceView, glanceView } from '../models/glances.js';
import { entryOf, readSpace } from '../models/kamafile.js';
import { selectionOf } from '../models/resource-selection.js';
import { type Meta, metaOf } from '../models/views-of-models.js';
import type { ModelView } from '../resolve/model-view.js';
import type { KamafileSpace } from '../resolve/ports.js';
import { type Dict, deepMerge, isDict } from '../values/dict.js';
import type { Desk } from './desk.js';

/** What is to be deleted when an app goes. */
export interface VictimGroup extends Meta {
  readonly mandatory: unknown;
  readonly matchers: readonly Dict[];
}

/** Upkeep is what there is around an app: plugins, hooks, the older tiles, what an uninstall deletes, what errors may mean. */
export interface Upkeep {
  plugins(): Promise<Dict[]>;
  /** planPlugin gives a plugin its identity and engine. @throws Fault not_found, invalid_body */
  planPlugin(id: string, entries: Dict): Promise<PlannedAction>;
  victimGroups(): Promise<VictimGroup[]>;
  /** Of an event such as `{event: 'install'}`. */
  hooks(event: Dict): Promise<Meta[]>;
  planHook(id: string): Promise<PlannedAction>;
  /** planHooks runs every hook of an event. */
  planHooks(timing: 'before' | 'after', injection: boolean): Promise<PlannedAction>;
  glances(): Promise<Meta[]>;
  /** @throws Fault not_found */
  glance(id: string): Promise<GlanceView>;
  /** Predicates that have a title. */
  healthPredicates(spaces?: readonly string[]): Promise<Meta[]>;
  /** systemCheck runs them. None when there are none. */
  systemCheck(): Promise<PlannedAction | undefined>;
  /** None when no handler suits the error. */
  diagnose(error: ErrorCapture): Promise<Diagnosis[] | undefined>;
  remediations(error: ErrorCapture): Promise<RemediationOption[]>;
  planPrefs(prefs: Dict): Promise<PlannedAction>;
  /** planStatuses notes how spaces are. */
  planStatuses(statuses: Readonly<Record<string, string>>): Promise<PlannedAction>;
  entry(key: string, space?: string): Promise<unknown>;
}

/** upkeepOf gives the upkeep of a session. */
export function upkeepOf(desk: Desk): Upkeep {
  const { evaluation } = desk;
  const { bundle } = evaluation;
  const entry = async (key: string, space = appSpace) => entryOf(await readSpace(evaluation, space), key);
  const plugin = async (id: string, config: Dict): Promise<Dict> => {
    const kept = async (key: string) => (await entry(key, id)) ?? config[key] ?? null;
    return {
      id,
      title: config['title'] ?? null,
      info: config['info'] ?? null,
      version: config['version'] ?? null,
      app_identifier: await kept('app_identifier'),
      publisher_identifier: await kept('publisher_identifier'),
      install_id: await entry('install_id', id),
      status: await entry('status', id),
      ktea: await entry('ktea', id),
    };
  };
  const titled = async (spaces?: readonly string[]): Promise<ModelView[]> => {
    const found: ModelView[] = [];
    for (const predicate of desk.models('Predicate', spaces ? { space: spaces } : {}))
      if (predicate.has('title')) found.push(predicate);
    return found;
  };

  return {
    entry,
    plugins: async () => Promise.all(bundle.plugins.map(({ id, config }) => plugin(id, config))),
    planPlugin: async (id, entries) => {
      if (!bundle.plugins.some((each) => each.id === id))
        throw new Fault('not_found', { public: `no such plugin ${id}` });
      const given = Object.entries(entries).filter(([, value]) => value !== undefined && value !== null);
      return desk.planChange(
        { id: 'sdk.action.initialize_plugin', title: `Initialise plugin ${id}` },
        { [id]: withEntries(Object.fromEntries(given)) },
      );
    },
    victimGroups: () => victimGroupsOf(desk),
    hooks: async (event) => {
      const fitting = desk.models('Hook').filter((hook) => {
        const selector = hook.raw('trigger_selector');
        return isDict(selector) && Object.keys(selector).length > 0 && matchesQuery(selector, event);
      });
      return Promise.all(fitting.map(metaOf));
    },
    planHook: async (id) => {
      const action = await desk.model(id, 'Hook').childOf('action', 'Action');
      if (!action) throw new Fault('not_found', { public: `The hook "${id}" has no action.` });
      return desk.planAction(action);
    },
    planHooks: (timing, injection) =>
      desk.planAction(`sdk.action.${injection ? 'injection' : 'update'}_hooks_${timing}`),
    glances: () => Promise.all(desk.models('Glance').map(metaOf)),
    glance: (id) => glanceView(desk.model(id, 'Glance')),
    healthPredicates: async (spaces) => Promise.all((await titled(spaces)).map(metaOf)),
    systemCheck: async () => {
      const checks = desk.models('Predicate', { space: appSpace, labels: { searchable: true } });
      if (checks.length === 0) return undefined;
      return desk.runPredicates(
        checks.map(({ id }) => `id::${id ?? ''}`),
        'System check',
      );
    },
    diagnose: async (error) => {
      const handler = await handlerFor(evaluation, error);
      return handler && diagnosesOf(handler);
    },
    remediations: async (error) => remediationsFor(desk.model('sdk.predicate.true'), error),
    planPrefs: (prefs) =>
      desk.planChange(
        { id: 'sdk.action.patch_prefs', title: 'Keep preferences' },
        { [appSpace]: (before) => ({ ...before, prefs: deepMerge(before.prefs, prefs) }) },
      ),
    planStatuses: (statuses) =>
      desk.planChange(
        { id: 'sdk.action.note_statuses', title: 'Note how the app is' },
        Object.fromEntries(Object.entries(statuses).map(([space, status]) => [space, withEntries({ status })])),
      ),
  };
}

async function victimGroupsOf(desk: Desk): Promise<VictimGroup[]> {
  const groups: VictimGroup[] = [];
  for (const group of desk.models('ResourceGroup', { labels: { victim: true } })) {
    const matchers: Dict[] = [];
    for (const selector of await group.childrenOf('resource_selectors', 'ResourceSelector'))
      matchers.push(...(await matchersOf(selector)));
    groups.push({ ...(await metaOf(group)), mandatory: (await group.own('mandatory')) ?? false, matchers });
  }
  return groups;
}

const withEntries =
  (entries: Dict) =>
  (before: KamafileSpace): KamafileSpace => ({ ...before, entries: { ...before.entries, ...entries } });

async function matchersOf(selector: ModelView): Promise<Dict[]> {
  const { kinds, name, namespace, labels, fields, apiVersion } = await selectionOf(selector);
  const group = apiVersion?.includes('/') ? apiVersion.split('/')[0] : ((await selector.text('api_group')) ?? '');
  return kinds.map((kind) => ({
    kind,
    namespace,
    group,
    version: apiVersion?.split('/').at(-1) ?? 'v1',
    label_selectors: labels,
    field_selectors: name === undefined ? fields : { 'metadata.name': name, ...fields },
  }));
}
