import { describe, expect, it } from 'vitest';
import { loadBundle } from '../descriptors/compile-bundle.js';
import { newOperationState } from '../models/operation-state.js';
import { openSession, type SessionOptions } from '../session/session.js';
import { aCluster, anEngine, files } from '../test/fakes.js';
import { aKamafile } from '../test/kamafiles.js';

const hook = (id: string, selector: string) => `---
kind: Hook
id: ${id}
${selector}
action: { kind: RunPredicateAction, id: ran.${id}, title: "${id}", predicate: "kind::TruePredicate" }
`;
const bundle = loadBundle(
  files(
    `kind: MultiAction
id: around
sub_actions:
  - { kind: RunUpdateHooksAction, timing: before }
${hook('right', 'trigger_selector: { event: software-update, timing: before }')}${hook('wide', 'trigger_selector: { event: software-update }')}${hook('late', 'trigger_selector: { event: software-update, timing: after }')}${hook('empty', 'trigger_selector: {}')}${hook('nothing', 'trigger_selector: null')}${hook('missing', 'title: none')}---
kind: TemplateManifestAction
id: only-secrets
values: { a: 1 }
resource_whitelist_selectors: ["expr::ConfigMap:web"]
---
kind: PodShellExecAction
id: shell
command: "ls | wc"
resource_selector: expr::Pod:web
---
kind: WaitAction
id: wait
seconds: 20
---
kind: TruePredicate
id: green
---
kind: AwaitPredicatesSettledAction
id: settle
predicates: ["id::green", { kind: FalsePredicate, title: Never }]
timeout_seconds: 30
---
kind: Operation
id: op
steps:
  - { id: s, fields: [{ id: a.b }], action: { kind: Action, id: custom, inherit: stamp } }
---
kind: MultiAction
id: stamp
debug_props: [telem_event_type, event_name, event_id, commit]
sub_actions: []
---
kind: Preset
id: preset
variable_assignments: { a: 1, b: { c: 2 } }
config_space: acme
`,
    { 'plugins/acme/plugin.yaml': 'version: 1\n' },
  ),
);
const space = { user_vars: {}, entries: { ktea: { type: 'server', uri: 'https://engine.test', version: '1' } } };
const open = (options: Partial<SessionOptions> = {}) =>
  openSession(bundle, {
    kamafile: aKamafile({ app: space, acme: space }),
    namespace: 'shop',
    engine: anEngine(),
    cluster: aCluster([{ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web' } }]),
    budget: { timeMs: 60_000 },
    ...options,
  });

describe('hooks', () => {
  it('run when their selector is part of the event; those without one never do (test_hooks: by_trigger)', async () => {
    const { progress } = await open().planAction('around');
    expect(progress.sub_items[0]?.sub_items.map(({ title }) => title)).toEqual(['right', 'wide']);
  });
});

describe('actions', () => {
  it('keep of a manifest only what is on the whitelist (test_tam_client_statics: filter_res)', async () => {
    const { given } = await open().planAction('only-secrets');
    expect(given['res_descs']).toMatchObject([{ kind: 'ConfigMap', metadata: { name: 'web' } }]);
  });

  it('run a command in a pod as a step of the run', async () => {
    const { plan } = await open().planAction('shell');
    expect(plan?.steps).toMatchObject([{ kind: 'exec', pod: { name: 'web' }, command: ['/bin/sh', '-c', 'ls | wc'] }]);
  });

  it('that have no counterpart here end with a reason', async () => {
    expect(await open().planAction({ kind: 'CmdExecAction', cmd: 'ls' })).toMatchObject({
      status: 'negative',
      error: { type: 'not_supported' },
    });
  });

  it('that wait, for time or for predicates, are steps of the run', async () => {
    expect((await open().planAction('wait')).plan?.steps).toMatchObject([{ kind: 'wait', seconds: 20 }]);
    expect((await open().planAction('settle')).plan?.steps).toMatchObject([
      {
        ...{ kind: 'await-predicates', timeoutSeconds: 30 },
        predicates: ['id::green', { kind: 'FalsePredicate', title: 'Never' }],
      },
    ]);
  });

  it('of a step know the event that they are part of (test_step: assemble_action_config)', async () => {
    const { planned } = await open().submitStep('op', 's', { 'a.b': 1 }, newOperationState('abcdefghij', 'op'));
    expect(planned?.progress.debug).toEqual({
      telem_event_type: 'operation_step',
      event_name: 'op::s',
      event_id: 'abcdefghij',
      commit: { standard: { a: { b: 1 } }, inline: {}, state: {}, prefs: {} },
    });
  });

  it('of a preset assign what is on the list, in the space of the preset (2.6 no. 20)', async () => {
    const { plan } = await open().planPreset('preset', ['b.c']);
    expect(plan?.steps[0]).toMatchObject({ steps: [{ kind: 'variables', space: 'acme', merge: { 'b.c': 2 } }] });
  });

  it('that a client writes down are interpreted, as deep as is allowed', async () => {
    const planned = await open().planAction({
      kind: 'RunPredicateAction',
      predicate: { challenge: 'get::ns', check_against: 'shop' },
    });
    expect(planned).toMatchObject({ status: 'positive' });
    const deep: unknown = JSON.parse(`${'{"a":'.repeat(60)}1${'}'.repeat(60)}`);
    await expect(open().planAction(deep)).rejects.toMatchObject({ code: 'evaluation_limit' });
  });
});
