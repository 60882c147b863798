import { entryOf, type Level, levelOf, readSpace } from '../models/kamafile.js';
import { verdictOf } from '../models/predicates.js';
import { engineOf, hubOf } from '../models/releases.js';
import type { ModelView } from '../resolve/model-view.js';
import { toBoolean } from '../values/coerce.js';
import { type Dict, deepMerge, deepUnset, flatToDeep } from '../values/dict.js';
import { actionError } from './action-error.js';
import { dictOf } from './cluster-rules.js';
import type { ActionNode, ActionRule, Given, Planning } from './planning.js';

async function levelFor(action: ModelView, backup?: Level): Promise<Level> {
  const name = (await action.attr('vars_level')) ?? backup;
  const level = levelOf(name);
  if (!level)
    throw actionError(
      'illegal_vars_level',
      `"vars_level" names one of the levels of variables, not "${String(name)}".`,
    );
  return level;
}

async function changeLevel(
  action: ModelView,
  planning: Planning,
  level: Level,
  edit: (before: Dict) => Dict,
): Promise<void> {
  const space = action.configSpace;
  await planning.pending.change(space, (before) => ({ ...before, [level]: edit(flatToDeep(before[level])) }));
  planning.evaluation.forget(`kamafile:${space}`);
}

/** changeVariables lays values over a level of the variables of an action's space. */
export const changeVariables = (action: ModelView, planning: Planning, level: Level, values: Dict): Promise<void> =>
  changeLevel(action, planning, level, (before) => deepMerge(before, flatToDeep(values)));

async function patchVars(action: ModelView, node: ActionNode, planning: Planning): Promise<Given> {
  const level = await levelFor(action, 'user_vars');
  const values = flatToDeep(dictOf(await action.attr('values', { depth: 48 })));
  node.logs.push(`patching ${action.configSpace}/${level}: ${Object.keys(values).join(', ')}`);
  await changeVariables(action, planning, level, values);
  return undefined;
}

async function writeVars(action: ModelView, node: ActionNode, planning: Planning): Promise<Given> {
  const level = await levelFor(action);
  const values = flatToDeep(dictOf(await action.attr('values', { depth: 48 })));
  node.logs.push(`writing ${action.configSpace}/${level}`);
  await changeLevel(action, planning, level, () => values);
  return undefined;
}

async function unsetVars(action: ModelView, node: ActionNode, planning: Planning): Promise<Given> {
  const level = await levelFor(action, 'user_vars');
  const keys = await action.attr('victim_keys');
  const names = Array.isArray(keys) ? keys.map(String) : [];
  node.logs.push(`unsetting ${action.configSpace}/${level}: ${names.join(', ')}`);
  await changeLevel(action, planning, level, (before) => deepUnset(before, names));
  return undefined;
}

async function setEntries(action: ModelView, planning: Planning, entries: Dict): Promise<void> {
  const space = action.configSpace;
  await planning.pending.change(space, (before) => ({ ...before, entries: { ...before.entries, ...entries } }));
  planning.evaluation.forget(`kamafile:${space}`);
}

async function runPredicate(predicate: ModelView, node: ActionNode, fatal: boolean): Promise<boolean> {
  const verdict = await verdictOf(predicate);
  const words = (await predicate.text('title')) ?? predicate.id ?? predicate.kind;
  node.logs.push(`${words}: ${verdict.met ? 'yes' : `no. ${verdict.reason}`}`);
  if (verdict.met) return true;
  const extras = dictOf(await predicate.own('error_extras', { depth: 48 }));
  const declared = await predicate.own('fatal');
  throw actionError(
    'negative_predicate',
    verdict.reason || `${words} does not hold`,
    { ...extras, predicate_id: predicate.id ?? null, predicate_kind: predicate.kind, severity: verdict.tone },
    declared === null ? fatal : toBoolean(declared),
  );
}

async function onePredicate(action: ModelView, node: ActionNode): Promise<Given> {
  const predicate = await action.childOf('predicate', 'Predicate');
  if (!predicate) throw actionError('missing_predicate', 'The action names no predicate.');
  const fatal = await action.own('false_is_fatal');
  await runPredicate(predicate, node, fatal === null ? true : toBoolean(fatal));
  return undefined;
}

async function hubFor(action: ModelView) {
  const { parts } = action.evaluation;
  const hub = await hubOf(action.evaluation);
  if (!hub) throw actionError('hub_unavailable', 'There is no hub here to ask.');
  return { hub, signal: parts.budget.call(() => action.standing()) };
}

async function fetchRelease(action: ModelView): Promise<Given> {
  const id = String((await action.attr('release_id')) ?? '');
  const { hub: found, signal } = await hubFor(action);
  const release = await found.release(action.configSpace, id, signal);
  if (!release) throw actionError('fetch_update', `There is no release "${id}".`, { release_id: id });
  return { release };
}

async function commitEngine(action: ModelView, node: ActionNode, planning: Planning): Promise<Given> {
  const release = dictOf(await action.attr('release'));
  const old = dictOf(entryOf(await readSpace(action.evaluation, action.configSpace), 'ktea'));
  const ktea = engineOf(old, release);
  node.logs.push(`engine ${String(old['version'] ?? 'none')} → ${String(release['version'] ?? 'same')}`);
  await setEntries(action, planning, { ktea });
  return undefined;
}

async function fetchInjections(action: ModelView): Promise<Given> {
  const { hub: found, signal } = await hubFor(action);
  const bundle = await found.injection(action.configSpace, signal);
  if (!bundle) throw actionError('injection_fetch', 'There is no injection for this install.');
  // Deep, so that an injection overrides defaults that are deep.
  const part = (name: string): Dict => flatToDeep(dictOf(bundle[name]));
  return { injections: { standard: part('standard'), inline: part('inline') } };
}

async function backUp(_action: ModelView, node: ActionNode, planning: Planning): Promise<Given> {
  if (!planning.backup) {
    node.logs.push('Backups are not kept here.');
    return undefined;
  }
  planning.steps.push(...(await planning.backup('auto')));
  return undefined;
}

/** What actions on the install's own state do, by kind. */
export const stateRules: Readonly<Record<string, ActionRule>> = {
  PatchManifestVarsAction: { title: 'Patch variables', plan: patchVars },
  WriteManifestVarsAction: { title: 'Write variables', plan: writeVars },
  UnsetManifestVarsAction: { title: 'Unset variables', plan: unsetVars },
  RunPredicateAction: { title: 'Check', plan: onePredicate },
  FetchReleaseAction: { title: 'Read the release', plan: fetchRelease },
  CommitKteaFromReleaseAction: { title: 'Take the engine of the release', plan: commitEngine },
  FetchLatestInjectionsAction: { title: 'Read the injection', plan: fetchInjections },
  CreateBackupAction: { title: 'Back up the Kamafile', plan: backUp },
  UpdateLastCheckedAction: {
    title: 'Note the time',
    plan: async (action, _node, planning) => {
      await setEntries(action, planning, { update_checked_at: planning.evaluation.parts.clock.now().toISOString() });
      return undefined;
    },
  },
};

export { runPredicate };
