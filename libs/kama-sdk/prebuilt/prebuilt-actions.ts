import type { Dict } from '../values/dict.js';

/** What every action ends with: apply the manifest, wait until it has settled. */
const applyAndWait: readonly (string | Dict)[] = [
  { kind: 'KubectlApplyAction', res_descs: 'get::parent>>res_descs' },
  { kind: 'AwaitKaosSettledAction', kaos: 'get::parent>>kaos' },
];
/** Within text of a descriptor: the level that the action changes. */
const level = `$${'{get::self>>vars_level}'}`;
const mergedVars = 'get::kind::MergedVarsSupplier';

/** Variables that are written, or removed, only when the cluster would take what they lead to. */
const safely: readonly Dict[] = [
  {
    kind: 'TemplateManifestAction',
    id: 'sdk.action.template_merge_current',
    values: { kind: 'MergeSupplier', source: ['get::self>>current_values', 'get::self>>new_values'] },
    current_values: mergedVars,
  },
  {
    kind: 'TemplateManifestAction',
    id: 'sdk.action.template_unset_current',
    values: { kind: 'UnsetSupplier', source: mergedVars, victim_keys: 'get::parent>>victim_keys' },
  },
  {
    kind: 'MultiAction',
    id: 'sdk.action.patch_variables_safely',
    title: 'Safely commit variables',
    info: `Try the manifest, then merge new values into ${level}`,
    sub_actions: [
      { inherit: 'sdk.action.template_merge_current', new_values: 'get::parent>>template_values' },
      { kind: 'KubectlDryRunAction', id: 'sdk.action.kubectl_dry_run', res_descs: 'get::parent>>res_descs' },
      'kind::CreateBackupAction',
      {
        kind: 'PatchManifestVarsAction',
        id: 'sdk.action.patch_manifest_variables',
        title: `Patch variables of ${level}`,
        values: 'get::parent>>commit_values',
      },
    ],
  },
  {
    kind: 'MultiAction',
    id: 'sdk.action.write_variables_safely',
    title: 'Safely write variables',
    info: `Try the manifest, then replace ${level}`,
    sub_actions: [
      { inherit: 'sdk.action.template_merge_current', new_values: 'get::parent>>values' },
      { kind: 'KubectlDryRunAction', res_descs: 'get::parent>>res_descs' },
      'kind::CreateBackupAction',
      { kind: 'WriteManifestVarsAction', id: 'sdk.action.write_manifest_variables', values: 'get::parent>>values' },
    ],
  },
  {
    kind: 'MultiAction',
    id: 'sdk.action.unset_variables_safely',
    title: 'Safely unset variables',
    info: `Try the manifest, then remove values from ${level}`,
    sub_actions: [
      { inherit: 'sdk.action.template_unset_current', victim_keys: 'get::parent>>victim_keys' },
      { kind: 'KubectlDryRunAction', res_descs: 'get::parent>>res_descs' },
      'kind::CreateBackupAction',
      {
        kind: 'UnsetManifestVarsAction',
        id: 'sdk.action.unset_manifest_vars',
        title: `Unset variables of ${level}`,
        victim_keys: 'get::parent>>victim_keys',
      },
    ],
  },
  {
    kind: 'PatchManifestVarsAction',
    id: 'sdk.action.patch_manifest_variables',
    title: 'Patch variables',
  },
];

const whole: readonly Dict[] = [
  {
    kind: 'MultiAction',
    id: 'sdk.action.commit_template_apply_safely',
    title: 'Commit variables and apply manifest',
    info: 'Write new values when the cluster would take them, then bring the cluster to them',
    sub_actions: [
      {
        inherit: 'sdk.action.patch_variables_safely',
        template_values: 'get::parent>>values',
        commit_values: 'get::parent>>values',
        vars_level: 'user_vars',
      },
      { kind: 'TemplateManifestAction', values: mergedVars },
      ...applyAndWait,
    ],
  },
  {
    kind: 'MultiAction',
    id: 'sdk.action.unset_template_apply_safely',
    title: 'Unset variables and apply manifest',
    info: 'Remove values when the cluster would take what is left, then bring the cluster to it',
    sub_actions: [
      {
        inherit: 'sdk.action.unset_variables_safely',
        victim_keys: 'get::parent>>victim_keys',
        vars_level: 'user_vars',
      },
      { kind: 'TemplateManifestAction', values: mergedVars },
      ...applyAndWait,
    ],
  },
  {
    kind: 'MultiAction',
    id: 'sdk.action.restore_template_apply_safely',
    title: 'Restore variables and apply manifest',
    info: 'Put the variables of a backup back when the cluster would take them, then bring the cluster to them',
    // Nothing is written before the whole plan stands, so what is tried is what will be.
    sub_actions: [
      'kind::CreateBackupAction',
      { kind: 'WriteManifestVarsAction', values: 'get::parent>>values', vars_level: 'user_vars' },
      { kind: 'TemplateManifestAction', values: mergedVars },
      { kind: 'KubectlDryRunAction', res_descs: 'get::parent>>res_descs' },
      ...applyAndWait,
    ],
  },
  {
    id: 'sdk.action.patch_variables_step_safely',
    inherit: 'sdk.action.patch_variables_safely',
    vars_level: 'user_vars',
    commit_values: 'get::self>>commit->.standard',
    // Everything that was typed goes into the trial; what is inline, such as secrets, is not kept.
    template_values: { kind: 'MergeSupplier', source: ['get::self>>commit->.standard', 'get::self>>commit->.inline'] },
  },
  {
    kind: 'MultiAction',
    id: 'sdk.action.commit_template_apply_step',
    title: 'Commit the step and apply manifest',
    sub_actions: [
      { inherit: 'sdk.action.patch_variables_step_safely', commit: 'get::parent>>commit' },
      {
        kind: 'TemplateManifestAction',
        values: { kind: 'MergeSupplier', source: [mergedVars, 'get::self>>commit->.inline'] },
      },
      ...applyAndWait,
    ],
  },
  {
    kind: 'MultiAction',
    id: 'sdk.action.apply_application_manifest_e2e_action',
    title: 'Apply the manifest',
    sub_actions: [{ kind: 'TemplateManifestAction', values: mergedVars }, ...applyAndWait],
  },
  { id: 'sdk.action.safely_apply_application_manifest_e2e_action', inherit: 'sdk.action.commit_template_apply_safely' },
  {
    id: 'sdk.action.safely_apply_application_manifest_e2e_action_from_unset',
    inherit: 'sdk.action.unset_template_apply_safely',
  },
  {
    id: 'sdk.action.step_apply_application_manifest_e2e_action',
    inherit: 'sdk.action.commit_template_apply_step',
  },
];

const hooksOf = (event: string, injection: boolean): Dict[] =>
  ['before', 'after'].map((timing) => ({
    kind: 'RunUpdateHooksAction',
    id: `sdk.action.${event}_hooks_${timing}`,
    title: `Hooks ${timing} the ${event}`,
    timing,
    is_injection: injection,
  }));

const releases: readonly Dict[] = [
  {
    kind: 'MultiAction',
    id: 'sdk.action.perform_update',
    title: 'Update Application',
    info: 'Take the engine and the defaults of a release, then bring the cluster to them',
    sub_actions: [
      'kind::FetchReleaseAction',
      { kind: 'RunUpdateHooksAction', title: 'Before the update', timing: 'before' },
      'kind::CreateBackupAction',
      { kind: 'CommitKteaFromReleaseAction', release: 'get::parent>>release' },
      { kind: 'WriteManifestVarsAction', vars_level: 'default_vars', values: 'get::kind::FreshDefaultsSupplier' },
      { kind: 'TemplateManifestAction', values: mergedVars },
      ...applyAndWait,
      { kind: 'RunUpdateHooksAction', title: 'After the update', timing: 'after' },
    ],
  },
  {
    kind: 'MultiAction',
    id: 'sdk.action.apply_vendor_injections',
    title: 'Apply an Injections Bundle',
    info: 'Write injections into variables and secrets',
    sub_actions: [
      {
        kind: 'WriteManifestVarsAction',
        title: 'Write publisher injection variables',
        vars_level: 'vendor_injection_vars',
        values: 'get::parent>>injections->.standard',
      },
      {
        kind: 'TemplateManifestAction',
        id: 'sdk.action.template_manifest',
        values: 'get::parent>>injections->.inline',
        ktea: 'get::sdk.supplier.injections_ktea',
      },
      ...applyAndWait,
    ],
    circuit_breakers: [
      { on_index: -1, predicate: 'id::sdk.predicate.injection-is-non-trivial' },
      { on_index: 0, predicate: 'id::sdk.predicate.injection-has-secrets' },
    ],
  },
  {
    kind: 'WriteManifestVarsAction',
    id: 'sdk.action.populate_default_variables',
    title: 'Take the defaults of the engine',
    vars_level: 'default_vars',
    values: 'get::kind::FreshDefaultsSupplier',
  },
  ...hooksOf('update', false),
  ...hooksOf('injection', true),
  {
    kind: 'RunPredicatesAction',
    id: 'action.predicate.install-preflight',
    title: 'Installation checks',
    predicates: { space: 'app', labels: { preflight: true } },
  },
];

/** The actions that the SDK brings. */
export const prebuiltActions: readonly Dict[] = [...safely, ...whole, ...releases];
