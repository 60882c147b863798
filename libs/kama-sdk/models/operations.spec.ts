import { describe, expect, it } from 'vitest';
import { loadBundle } from '../descriptors/compile-bundle.js';
import { openSession, type SessionOptions } from '../session/session.js';
import { aCluster, anEngine, files } from '../test/fakes.js';
import { aKamafile } from '../test/kamafiles.js';
import { newOperationState, OperationState, withJob } from './operation-state.js';

const bundle = loadBundle(
  files(`
kind: Operation
id: op
labels: { searchable: true }
steps:
  - kind: Step
    id: first
    next: default
    fields:
      - { id: switch, target: state, input: { kind: OnOffInput } }
      - id: detail
        visible: { challenge: "get::self>>inputs->.switch", check_against: "on" }
      - id: mail
        target: inline
        validators: [{ kind: FormatPredicate, check_against: email }]
      - { id: theme, target: prefs }
      - { id: consent, target: none }
  - kind: Step
    id: second
    fields:
      - id: again
        target: state
        visible: { challenge: "get::self>>op_state->.switch", check_against: "on" }
      - id: repeat
        target: state
        validators: [{ challenge: "get::self>>value", check_against: "get::self>>op_state->.switch", reason: "Not as before" }]
    reassignments:
      - { id: detail, to: inline }
      - { id: copied, to: state, value: "get::ns" }
      - { id: again }
    next: third
  - kind: Step
    id: skipped
  - kind: Step
    id: third
    fields: [{ id: a.b }, { id: secret, target: inline }]
    commit:
      standard: { a.b: 7, c: "get::self>>default_commit->.inline.secret" }
---
kind: Operation
id: hidden
steps: []
---
kind: Operation
id: staged
stages:
  - { kind: Stage, id: s1, steps: [{ kind: Step, id: one }] }
  - { kind: Stage, id: s2, steps: [{ kind: Step, id: two }] }
---
kind: Field
id: app.field.own
title: Own title
variable: app.variable.titled
---
kind: GenericVariable
id: app.variable.titled
title: Title of the variable
info: Info of the variable
`),
);
const open = (options: Partial<SessionOptions> = {}) =>
  openSession(bundle, {
    kamafile: aKamafile({ app: {} }),
    namespace: 'shop',
    engine: anEngine(),
    cluster: aCluster(),
    budget: { timeMs: 60_000 },
    ...options,
  });
const begun = newOperationState('abcdefghij', 'op');
const submit = async (step: string, values: Record<string, unknown>, state = begun) =>
  open().submitStep('op', step, values, state);

describe('an operation', () => {
  it('is listed only when it is searchable', async () => {
    expect((await open().operations()).map(({ id }) => id)).toEqual(['op']);
  });

  it('may have its steps in stages, and begins with the first (test_stage: first_step_key)', async () => {
    expect((await open().operation('staged')).step_metas.map(({ id }) => id)).toEqual(['one', 'two']);
    expect(await open().nextStep('staged', 'one')).toBe('two');
  });

  it('goes to the step behind, to the one that is named, and ends (test_stage: next_step_key_explicit; test_step: next_step_without_iftt)', async () => {
    expect(await open().nextStep('op', 'first')).toBe('second');
    expect(await open().nextStep('op', 'second')).toBe('third');
    expect(await open().nextStep('op', 'third')).toBe('done');
  });

  it('says what it does not have, as 404', async () => {
    const asks: (() => Promise<unknown>)[] = [
      () => open().operation('nope'),
      () => open().nextStep('op', 'nope'),
      () => open().validateField('op', 'first', 'nope', 1),
      () => open().planAction('nope'),
    ];
    for (const ask of asks) await expect(Promise.resolve().then(ask)).rejects.toMatchObject({ code: 'not_found' });
  });
});

describe('a step', () => {
  it('shows a field by what is typed now (controllers: step_refresh; test_step: visible_fields)', async () => {
    const ids = async (values: Record<string, unknown>) =>
      (await open().refreshStep('op', 'first', values)).step.fields.map(({ id }) => id);
    expect(await ids({})).not.toContain('detail');
    expect(await ids({ switch: 'on' })).toContain('detail');
    const { manifest_assignments } = await open().refreshStep('op', 'first', { switch: 'on', detail: 5 });
    expect(manifest_assignments).toEqual({ detail: 5 });
  });

  it('shows a field by what earlier steps were given', async () => {
    const { state } = await submit('first', { switch: 'on' });
    const ids = async (given?: OperationState) =>
      (await open().refreshStep('op', 'second', {}, given)).step.fields.map(({ id }) => id);
    expect(await ids(state)).toContain('again');
    expect(await ids(begun)).not.toContain('again');
  });

  it('sorts values by target, and drops those of hidden fields (test_step: partition_user_asgs_no_recall)', async () => {
    const typed = { switch: 'on', detail: 1, mail: 'a@b.co', theme: 'dark', consent: true, unknown: 1 };
    expect((await submit('first', typed)).buckets).toEqual({
      standard: { detail: 1 },
      inline: { mail: 'a@b.co' },
      state: { switch: 'on' },
      prefs: { theme: 'dark' },
    });
    expect((await submit('first', { ...typed, switch: 'off' })).buckets.standard).toEqual({});
  });

  it('recalls values of earlier steps; what is typed wins (test_step: compute_recalled_assigns)', async () => {
    const { state } = await submit('first', { switch: 'on', detail: 4 });
    const { buckets } = await submit(
      'second',
      { again: 'typed' },
      {
        ...state,
        steps: [...state.steps, { step: 'x', standard: { again: 'old' }, state: {}, prefs: {}, job_id: null }],
      },
    );
    expect(buckets.inline).toEqual({ detail: 4 });
    expect(buckets.state).toEqual({ copied: 'shop', again: 'typed' });
    expect(buckets.standard).toEqual({ again: 'old' });
  });

  it('can say itself what is committed', async () => {
    const { buckets } = await submit('third', { 'a.b': 1, secret: 's' });
    expect(buckets).toEqual({ standard: { a: { b: 7 }, c: 's' }, inline: { secret: 's' }, state: {}, prefs: {} });
  });

  it('without an action keeps what it was given in the state, and preferences in the Kamafile (8.3; 2.6 no. 8)', async () => {
    const { state, planned } = await submit('first', { switch: 'on', theme: 'dark', mail: 'a@b.co' });
    expect(state.steps).toEqual([
      { step: 'first', standard: {}, state: { switch: 'on' }, prefs: { theme: 'dark' }, job_id: null },
    ]);
    expect(JSON.stringify(planned?.plan)).toContain('\\"prefs\\":{\\"theme\\":\\"dark\\"}');
    const { planned: none } = await submit('first', { switch: 'on' });
    expect(none).toBeUndefined();
  });

  it('submitted again takes the place of what it was given before (test_step: commit_pertinent_assignments)', async () => {
    const once = (await submit('first', { switch: 'on', detail: 1 })).state;
    const twice = (await submit('first', { switch: 'on', detail: 2 }, once)).state;
    expect(twice.steps).toHaveLength(1);
    expect(twice.steps[0]?.standard).toEqual({ detail: 2 });
    expect(withJob(twice, 'first', 'run_1').steps[0]?.job_id).toBe('run_1');
  });
});

describe('a field', () => {
  it('is validated by format (controllers: fields_validate)', async () => {
    expect(await open().validateField('op', 'first', 'mail', 'x')).toEqual({
      status: 'error',
      message: 'Must be a(n) email',
    });
    expect(await open().validateField('op', 'first', 'mail', 'a@b.co')).toEqual({ status: 'valid', message: null });
  });

  it('is validated against the state of the operation (test_step: validate_field; 2.6 no. 9)', async () => {
    const { state } = await submit('first', { switch: 'on' });
    expect(await open().validateField('op', 'second', 'repeat', 'on', state)).toEqual({
      status: 'valid',
      message: null,
    });
    expect(await open().validateField('op', 'second', 'repeat', 'off', state)).toEqual({
      status: 'error',
      message: 'Not as before',
    });
  });

  it('has a title and info of its own, or those of its variable (test_field: delegate inside/outside)', async () => {
    const text =
      'kind: Operation\nid: o\nsteps: [{ id: s, fields: [id::f, { id: g, variable: v }] }]\n---\nkind: Field\nid: f\ntitle: Own\nvariable: v\n---\nkind: GenericVariable\nid: v\ntitle: Its\ninfo: Info\n';
    const { step } = await openSession(loadBundle(files(text)), { kamafile: aKamafile(), namespace: 'n' }).refreshStep(
      'o',
      's',
      {},
    );
    expect(step.fields).toMatchObject([
      { id: 'f', title: 'Own', info: 'Info' },
      { id: 'g', title: 'Its', info: 'Info' },
    ]);
  });
});

describe('the state of an operation', () => {
  it('is data that any process can go on with (8.3 no. 14)', async () => {
    const { state } = await submit('first', { switch: 'on', detail: 1 });
    const elsewhere = OperationState.parse(JSON.parse(JSON.stringify(state)));
    expect(elsewhere).toEqual(state);
    const again = loadBundle(
      files('kind: Operation\nid: op\nsteps: [{ id: z, title: "${get::self>>op_state->.detail}" }]\n'),
    );
    const { step } = await openSession(again, { kamafile: aKamafile(), namespace: 'n' }).refreshStep(
      'op',
      'z',
      {},
      elsewhere,
    );
    expect(step.title).toBe('1');
  });
});
