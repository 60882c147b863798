import { RunPlan } from '@nm/kernel/contracts';
import { describe, expect, it } from 'vitest';
import { loadBundle } from '../descriptors/compile-bundle.js';
import { newOperationState } from '../models/operation-state.js';
import { openSession, type SessionOptions } from '../session/session.js';
import { aCluster, anEngine, files } from '../test/fakes.js';
import { aKamafile } from '../test/kamafiles.js';

const bundle = loadBundle(
  files(`
kind: ManifestVariable
id: web.replicas
---
kind: Operation
id: app.operation.secure
steps:
  - kind: Step
    id: secrets
    fields:
      - variable: web.replicas
      - { id: password, target: inline }
      - { id: colour, target: prefs }
      - { id: agree, target: none }
    action: id::sdk.action.commit_template_apply_step
---
kind: Predicate
id: app.predicate.enough
title: Enough replicas
challenge: get::kind::MergedVarsSupplier->.web.replicas
operator: ">"
check_against: 4
reason: There are too few
labels: { preflight: true }
---
kind: TruePredicate
id: app.predicate.yes
title: Always
labels: { preflight: true, status_computer: true }
---
kind: ActionErrorRemediationOption
id: app.remedy.any
title: General advice
match: { type: negative_predicate }
---
kind: ActionErrorRemediationOption
id: app.remedy.exact
title: Add replicas
match: { type: negative_predicate, "extras.predicate_id": app.predicate.enough }
button_action: { type: goto_operation, uri: app.operation.secure }
---
kind: MultiAction
id: app.action.stop-early
sub_actions:
  - { kind: RunPredicateAction, id: first, predicate: id::app.predicate.yes }
  - { kind: DeleteResourcesAction, resource_selectors: ["expr::Deployment:web"] }
circuit_breakers:
  - { on_index: 0, predicate: id::app.predicate.yes, status: positive }
---
kind: MultiAction
id: app.action.remove
sub_actions:
  - { kind: RunPredicateAction, predicate: id::app.predicate.yes }
  - { kind: DeleteResourcesAction, title: Remove, resource_selectors: ["expr::Deployment:web", "expr::Deployment:other"] }
  - { kind: PatchResourceAction, title: Mark, resource_selector: "expr::Deployment:web", resource_patch: { metadata.labels.old: "yes" } }
`),
);

const space = {
  default_vars: { web: { replicas: 1, image: 'web:1' } },
  user_vars: { web: { replicas: 2 } },
  entries: { ktea: { type: 'server', uri: 'https://engine.test', version: '1' }, install_id: 'i1' },
};
const open = (options: Partial<SessionOptions> = {}) =>
  openSession(bundle, {
    kamafile: aKamafile({ app: space }),
    namespace: 'shop',
    engine: anEngine(),
    cluster: aCluster([
      { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web', namespace: 'shop' } },
      { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'other', namespace: 'shop' } },
    ]),
    budget: { timeMs: 60_000 },
    ...options,
  });
const commit = 'sdk.action.commit_template_apply_safely';
const titles = (node: { title: string; sub_items: readonly { title: string }[] }): unknown[] =>
  node.sub_items.map((each) => each.title);

describe('commit and apply', () => {
  it('becomes a plan: write the Kamafile, apply, wait; a sub-tree of progress shows what was done before', async () => {
    const planned = await open().planAction(commit, { values: { 'web.replicas': 5 } });
    expect(planned.status).toBe('ready');
    expect(RunPlan.parse(planned.plan)).toEqual(planned.plan);
    const [group, apply, wait] = planned.plan?.steps ?? [];
    expect(group).toMatchObject({
      kind: 'group',
      title: 'Safely commit variables',
      steps: [{ kind: 'variables', space: 'app', level: 'user_vars', merge: { 'web.replicas': 5 } }],
    });
    expect(JSON.stringify(apply)).toContain('{\\"web\\":{\\"replicas\\":5,\\"image\\":\\"web:1\\"}}');
    expect(wait).toMatchObject({
      kind: 'await',
      refs: [{ kind: 'ConfigMap' }, { kind: 'Deployment', name: 'web' }],
      timeoutSeconds: 180,
    });
    expect(titles(planned.progress)).toEqual([
      'Safely commit variables',
      'Load Templated Manifest',
      'Apply the manifest',
      'Wait for changed resources to settle',
    ]);
    expect(planned.progress.sub_items[0]?.sub_items.map(({ status }) => status)).toEqual(Array(4).fill('positive'));
  });

  it('takes a value that looks like a reference to a step as it stands', async () => {
    const reference = { $from: 'steps.apply.body.token' };
    const manifest = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'web' } };
    const template = (_ktea: unknown, { web }: Readonly<Record<string, unknown>>) =>
      Promise.resolve([{ ...manifest, data: { web: web as never } }]);
    const planned = await open({ engine: anEngine({ template }) }).planAction(commit, {
      values: { web: { a: reference } },
    });
    const apply = planned.plan?.steps.find(({ kind }) => kind === 'apply');
    expect(apply).toMatchObject({ manifests: [{ data: { web: { a: { $literal: reference } } } }] });
  });

  it('writes nothing when the cluster would refuse the manifest', async () => {
    const refused = await open({
      cluster: { ...aCluster(), dryRun: () => Promise.resolve({ ok: false, reason: 'the value is not allowed' }) },
    }).planAction(commit, { values: { web: { image: 'bad' } } });
    expect(refused).toMatchObject({ status: 'negative', error: { type: 'kubectl_dry_run_failed', fatal: true } });
    expect(refused.plan).toBeUndefined();
    expect(refused.progress.sub_items).toHaveLength(1);
  });

  it('fails with the reason when the engine does, and changes nothing (8.3 no. 9)', async () => {
    const engine = anEngine({ template: () => Promise.reject(new Error('it answered 500')) });
    const planned = await open({ engine }).planAction(commit, { values: {} });
    expect(planned).toMatchObject({ status: 'negative', error: { type: 'template_manifest_failed' } });
    expect(planned.error?.reason).toContain('it answered 500');
  });

  it('unsets in the space that it was asked for (8.3 no. 3)', async () => {
    const kamafile = aKamafile({ app: space, 'acme.plugin': { ...space, user_vars: { a: { b: 1, c: 2 } } } });
    const planned = await open({ kamafile }).planAction(
      'sdk.action.unset_template_apply_safely',
      { victim_keys: ['a.b'] },
      'acme.plugin',
    );
    const [group] = planned.plan?.steps ?? [];
    expect(group).toMatchObject({
      steps: [{ kind: 'variables', space: 'acme.plugin', level: 'user_vars', unset: ['a.b'] }],
    });
    expect(JSON.stringify(planned.plan)).not.toContain('"space":"app"');
  });
});

describe('a step of an operation', () => {
  it('keeps standard values and preferences, uses inline ones for this templating only, drops the rest', async () => {
    const begun = newOperationState('abcdefghij', 'app.operation.secure');
    const values = { web: { replicas: 3 }, password: 's3cret', colour: 'red', agree: true };
    const { planned, state } = await open().submitStep('app.operation.secure', 'secrets', values, begun);
    expect(planned?.status).toBe('ready');
    const text = JSON.stringify(planned?.plan);
    const kamafile = /"data":\{"app":"(.*?[^\\])"\}/.exec(text)?.[1] ?? '';
    expect(kamafile).toContain('replicas\\":3');
    expect(kamafile).toContain('colour\\":\\"red');
    expect(kamafile).not.toContain('s3cret');
    expect(text).toContain('s3cret');
    expect(text).not.toContain('agree');
    expect(JSON.stringify(state)).not.toContain('s3cret');
  });
});

describe('an update', () => {
  const hub = {
    release: (_space: string, id: string) => Promise.resolve(id === 'r2' ? { id: 'r2', version: '2' } : undefined),
    injection: () => Promise.resolve({ standard: { 'web.image': 'web:injected' }, inline: {} }),
  };

  it('templates with the engine and defaults of the release, in its space, and takes them back when the run fails (8.3 no. 4)', async () => {
    const kamafile = aKamafile({ 'acme.plugin': space });
    const planned = await open({ hub, kamafile }).planAction(
      'sdk.action.perform_update',
      { release_id: 'r2' },
      'acme.plugin',
    );
    const [write] = (planned.plan?.steps ?? []) as unknown as [
      { patch: { data: Record<string, string> }; undo: [{ patch: { data: Record<string, string> } }] },
    ];
    expect(JSON.parse(write.patch.data['acme.plugin'] ?? '')).toMatchObject({
      ktea: { version: '2' },
      default_vars: { web: { image: 'web:2' } },
    });
    expect(JSON.parse(write.undo[0].patch.data['acme.plugin'] ?? '')).toMatchObject({ ktea: { version: '1' } });
    expect(JSON.stringify(planned.plan)).toContain('web:2');
  });

  it('says when there is no such release', async () => {
    const planned = await open({ hub }).planAction('sdk.action.perform_update', { release_id: 'r9' });
    expect(planned).toMatchObject({ status: 'negative', error: { type: 'fetch_update' } });
  });

  it('lets injections override deep defaults, however they are written', async () => {
    const injections = { standard: { web: { image: 'web:injected' } }, inline: {} };
    const planned = await open({ hub }).planAction('sdk.action.apply_vendor_injections', { injections });
    expect(planned.status).toBe('ready');
    expect(planned.progress.sub_items).toHaveLength(1);
    expect(planned.plan?.steps[0]).toMatchObject({
      level: 'publisher_injection_vars',
      merge: { 'web.image': 'web:injected' },
    });
  });
});

describe('checks', () => {
  it('all run; one that fails makes the whole negative, with the closest remedy first', async () => {
    const planned = await open().installPreflight();
    expect(planned.status).toBe('negative');
    expect(planned.progress.sub_items.map(({ status }) => status)).toEqual(['negative', 'positive']);
    expect(planned.progress.sub_items[0]?.error).toMatchObject({
      type: 'negative_predicate',
      reason: 'There are too few',
      remediation_options: [
        { title: 'Add replicas', button_action: { type: 'goto_operation' } },
        { title: 'General advice' },
      ],
    });
  });

  it('in a MultiAction let it go on when they hold', async () => {
    const planned = await open().planAction('app.action.remove');
    expect(planned.plan?.steps).toMatchObject([
      { kind: 'delete', title: 'Remove', refs: [{ name: 'web', namespace: 'shop' }, { name: 'other' }] },
      { kind: 'patch', ref: { name: 'web' }, patch: { metadata: { labels: { old: 'yes' } } } },
    ]);
  });

  it('a circuit breaker ends well before what stands behind it', async () => {
    const planned = await open().planAction('app.action.stop-early');
    expect(planned).toMatchObject({ status: 'positive', progress: { status: 'positive' } });
    expect(planned.plan).toBeUndefined();
  });

  it('tell how the app is', async () => {
    expect(await open().status()).toBe('running');
    expect(await open().status('nowhere')).toBe('error');
  });
});
