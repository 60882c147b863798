import {
  amount,
  anyList,
  anything,
  choice,
  defineKind,
  dict,
  flag,
  type Kind,
  many,
  one,
  strings,
  text,
} from './define-kind.js';

const level = text;

export const actionKinds: readonly Kind[] = [
  defineKind('Action', 'Model', 'Something that is done.', {
    telem: anything,
    telem_event_type: text,
    event_name: text,
    values: anything,
    error_telem_props: anything,
  }),
  defineKind('MultiAction', 'Action', 'Actions one after the other; what one gives, later ones can read.', {
    sub_actions: many('Action'),
    circuit_breakers: many('CircuitBreaker'),
  }),
  defineKind('CircuitBreaker', 'Model', 'Ends a MultiAction early.', {
    on_index: amount,
    after: anything,
    exit: anything,
    predicate: one('Predicate'),
    status: choice('positive', 'negative', 'error'),
  }),
  defineKind('TemplateManifestAction', 'Action', 'Asks the templating engine for the manifest.', {
    values: anything,
    ktea: anything,
    resource_selectors: many('ResourceSelector'),
    resource_whitelist_selectors: many('ResourceSelector'),
  }),
  defineKind('KubectlDryRunAction', 'Action', 'Asks the cluster whether it would take the manifest.', {
    res_descs: anything,
    ktea: anything,
  }),
  defineKind('KubectlApplyAction', 'Action', 'Applies the manifest.', { res_descs: anything }),
  defineKind('AwaitKaosSettledAction', 'Action', 'Waits until what changed is ready.', {
    kaos: anything,
    timeout: amount,
    timeout_seconds: amount,
  }),
  defineKind('AwaitPredicatesSettledAction', 'Action', 'Waits until predicates hold.', {
    predicates: many('Predicate'),
    timeout_seconds: amount,
  }),
  defineKind('PatchManifestVarsAction', 'Action', 'Merges values into a level of the variables.', {
    values: anything,
    vars_level: level,
  }),
  defineKind(
    'WriteManifestVarsAction',
    'Action',
    'Replaces a level of the variables.',
    {
      values: anything,
      vars_level: level,
    },
    ['WriteManifestVarAction'],
  ),
  defineKind('UnsetManifestVarsAction', 'Action', 'Removes keys of a level of the variables.', {
    victim_keys: anything,
    vars_level: level,
  }),
  defineKind('RunPredicateAction', 'Action', 'Evaluates a predicate.', {
    predicate: one('Predicate'),
    false_is_fatal: flag,
  }),
  defineKind('RunPredicatesAction', 'Action', 'Evaluates predicates.', { predicates: many('Predicate') }),
  defineKind('DeleteResourceAction', 'Action', 'Deletes an object.', {
    resource_selector: one('ResourceSelector'),
    resource_selectors: many('ResourceSelector'),
    wait_until_gone: flag,
  }),
  defineKind('DeleteResourcesAction', 'Action', 'Deletes objects.', {
    resource_selectors: many('ResourceSelector'),
    wait_until_gone: flag,
  }),
  defineKind('PatchResourceAction', 'Action', 'Changes an object.', {
    resource_patch: dict,
    resource_selector: one('ResourceSelector'),
    kat_res: anything,
  }),
  defineKind('PodShellExecAction', 'Action', 'Runs a command in a pod.', {
    command: anything,
    pod: anything,
    resource_selector: one('ResourceSelector'),
    timeout_seconds: amount,
  }),
  defineKind('CmdExecAction', 'Action', 'Runs a command beside the KAMA.', { cmd: text }),
  defineKind('WaitAction', 'Action', 'Waits.', { seconds: amount, duration_seconds: amount }),
  defineKind('CreateBackupAction', 'Action', 'Keeps a copy of the variables.', { name: text }),
  defineKind('UpdateLastCheckedAction', 'Action', 'Notes that updates were looked for.'),
  defineKind('FetchLatestInjectionsAction', 'Action', 'Gets the injection that waits.'),
  defineKind('FetchReleaseAction', 'Action', 'Gets a release.', { release_id: text }),
  defineKind('CommitKteaFromReleaseAction', 'Action', 'Takes the engine of a release.', { release: anything }),
  defineKind('ApplyManifestAction', 'Action', 'Templates, applies and waits, in the older form.', {
    tam: anything,
    values: anything,
    apply_filters: anyList,
  }),
  defineKind('RunUpdateHooksAction', 'Action', 'Runs the hooks of an update.', {
    update_id: text,
    timing: choice('before', 'after'),
    is_injection: flag,
    hook_selector: dict,
    tags: strings,
  }),
];
