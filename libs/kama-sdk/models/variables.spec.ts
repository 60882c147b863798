import { describe, expect, it } from 'vitest';
import { loadBundle } from '../descriptors/compile-bundle.js';
import { openSession } from '../session/session.js';
import { files } from '../test/fakes.js';
import { aKamafile } from '../test/kamafiles.js';

const bundle = loadBundle(
  files(`
kind: ManifestVariable
id: f1
input:
  kind: SelectInput
  options: [{ id: o1, title: Option one }, two]
---
kind: ManifestVariable
id: f2
flat_key: nested.key
category: app.category
validators:
  - { challenge: "get::self>>value", operator: presence, reason: Must be there }
  - { operator: "!=", check_against: bad, reason: Not bad, severity: warning }
health_predicates:
  - { id: app.predicate.small, title: Small, challenge: "get::self>>value", operator: "<", check_against: 10 }
---
kind: ManifestVariable
id: app.template.base
---
kind: ManifestVariable
id: blocked
---
kind: VariableCategory
id: app.category
title: Category
graphic: cloud
---
kind: ManifestVariableDependency
id: app.dependency
title: One switches others off
from: [f1]
to: [id::f2, id::blocked]
active_condition:
  challenge: "get::self>>from_variable>>value"
  check_against: o1
---
kind: ManifestVariableDependency
id: app.dependency.compels
from: [f1]
to: [id::compelled]
effect: compels_defined
active_condition: { challenge: "get::self>>from_variable>>value", check_against: o1 }
---
kind: ManifestVariable
id: compelled
---
kind: Preset
id: app.preset.large
title: Large
variable_assignments: { nested: { key: 9 }, "f1": two, other: "get::ns" }
---
kind: Preset
id: app.preset.none
default: true
`),
);
const space = {
  default_vars: { f1: 'o1', nested: { key: 1 } },
  user_injection_vars: { nested: { key: 3 } },
  user_vars: { nested: { own: 1 } },
};
const open = (over: object = {}) =>
  openSession(bundle, {
    kamafile: aKamafile({ app: { ...space, ...over } }),
    namespace: 'shop',
    budget: { timeMs: 60_000 },
  });

describe('variables', () => {
  it('are listed once each, with the values of all four levels; templates of them are not (index; 8.3 no. 5)', async () => {
    const variables = await open().variables();
    expect(variables.map(({ id, value }) => [id, value])).toEqual([
      ['f1', 'o1'],
      ['f2', 3],
      ['blocked', null],
      ['compelled', null],
    ]);
    expect(variables[1]).toMatchObject({
      flat_key: 'nested.key',
      category: { id: 'app.category', title: 'Category', graphic: 'cloud', graphic_type: 'icon' },
      is_user_writable: true,
      assignments: [
        { level_name: 'default_vars', level_number: 0, value: 1, is_present: true },
        { level_name: 'vendor_injection_vars', is_present: false },
        { level_name: 'user_injection_vars', level_number: 2, value: 3, is_present: true },
        { level_name: 'user_vars', level_number: 3, value: null, is_present: false },
      ],
    });
  });

  it('can be asked for by space, category and id', async () => {
    const ids = async (filter: object) => (await open().variables(filter)).map(({ id }) => id);
    expect(await ids({ spaces: ['nowhere'] })).toEqual([]);
    expect(await ids({ categories: ['app.*'] })).toEqual(['f2']);
    expect(await ids({ ids: ['f1', 'f2'] })).toEqual(['f1', 'f2']);
  });

  it('show how they are typed (show)', async () => {
    expect(await open().variable('f1')).toMatchObject({
      id: 'f1',
      type: 'SelectInput',
      options: [
        { id: 'o1', title: 'Option one' },
        { id: 'two', title: 'two' },
      ],
    });
  });

  it.each([
    ['SliderInput, max: 5, suffix: GB', { extras: { min: 0, max: 5, step: 1, suffix: 'GB' } }, null],
    ['GenericInput', { options: [] }, null],
    ['CheckboxInput', { options: [] }, false],
    ['OnOffInput', { options: [] }, null],
    ['CheckboxesInput, options: [a, b]', { options: [{ id: 'a' }, { id: 'b', title: 'b' }] }, 'a'],
    ['LargeSelectInput, options: [{ id: a, info: Why }]', { options: [{ id: 'a', info: 'Why' }] }, 'a'],
    ['SelectInput, options: "get::options"', { options: [{ id: 'one', title: 'One' }] }, 'one'],
    [
      'ViewSpecSelectInput, options: [{ kind: ViewSpec, option_key: a, spec: { text: "in ${get::ns}" } }]',
      { options: [{ option_key: 'a', spec: { text: 'in shop' } }] },
      null,
    ],
  ])('are typed into a %s, which holds something before anybody types', async (input, shown, first) => {
    const text = `kind: ManifestVariable\nid: v\ninput: { kind: ${input} }\n---\nkind: Supplier\nid: options\nsource: [{ id: one, title: One }]\n---\nkind: Operation\nid: o\nsteps: [{ id: s, fields: [{ variable: v }] }]\n`;
    const session = openSession(loadBundle(files(text)), { kamafile: aKamafile({ app: {} }), namespace: 'shop' });
    expect(await session.variable('v')).toMatchObject({ type: /^\w+/.exec(input)?.[0], ...shown });
    expect((await session.refreshStep('o', 's', {})).step.fields[0]?.default).toEqual(first);
  });

  it('that nobody described are made up', async () => {
    expect(await open().variable('nested.own')).toMatchObject({
      id: 'nested.own',
      title: '',
      info: '',
      value: 1,
      type: 'GenericInput',
      is_documented: false,
    });
  });

  it('are validated: the first rule that does not hold gives its tone and reason (validate; test_generic_variable)', async () => {
    expect(await open().validateVariable('f2', '')).toEqual({ status: 'error', message: 'Must be there' });
    expect(await open().validateVariable('f2', 'bad')).toEqual({ status: 'warning', message: 'Not bad' });
    expect(await open().validateVariable('f2', 'good')).toEqual({ status: 'valid', message: null });
    expect(await open().validateVariable('undocumented', 'anything')).toEqual({ status: 'valid', message: null });
  });

  it('with a rule that cannot be evaluated are not valid, and the publisher finds out why', async () => {
    const broken = loadBundle(
      files(
        'kind: ManifestVariable\nid: v\nvalidators: [{ challenge: "get::self>>x", x: "get::self>>y", y: "get::self>>x" }]\n',
      ),
    );
    const session = openSession(broken, { kamafile: aKamafile(), namespace: 'n' });
    expect(await session.validateVariable('v', 1)).toMatchObject({ status: 'error' });
    expect(session.notes[0]?.message).toContain('needs itself');
  });

  it('know what depends on what (show_with_dependencies)', async () => {
    const f1 = await open().variable('f1');
    expect(f1.outgoing_dependencies).toMatchObject([
      {
        other_variable: { id: 'f2', space: 'app' },
        effect: 'prevents_read',
        is_active: true,
        title: 'One switches others off',
      },
      { other_variable: { id: 'blocked' }, is_active: true },
      { other_variable: { id: 'compelled' }, effect: 'compels_defined', is_active: true },
    ]);
    const compelled = await open().variable('compelled');
    expect(compelled.incoming_dependencies).toMatchObject([
      { other_variable: { id: 'f1' }, effect: 'compels_defined', is_active: true },
    ]);
    expect(compelled).toMatchObject({ is_read_blocked: false });
    expect(f1).toMatchObject({ is_preventing_read: true, is_read_blocked: false, incoming_dependencies: [] });
    expect(await open().variable('blocked')).toMatchObject({ is_read_blocked: true });
    expect(await open({ user_vars: { f1: 'two' } }).variable('blocked')).toMatchObject({ is_read_blocked: false });
  });

  it('tell whether what is set is well', async () => {
    const health = async (over: object) => (await open(over).variablesHealth({ ids: ['f2'] }))[0];
    expect(await health({})).toEqual({
      config_space: 'app',
      id: 'nested.key',
      health: { has_problems: false, is_read_blocked: true },
    });
    expect(await health({ user_vars: { 'nested.key': 30 } })).toMatchObject({ health: { has_problems: true } });
  });
});

describe('presets', () => {
  it('show what they would change', async () => {
    expect(await open().presets()).toMatchObject([
      {
        id: 'app.preset.large',
        title: 'Large',
        variables: [
          { id: 'nested.key', new_value: 9, old_value: 3 },
          { id: 'f1', new_value: 'two', old_value: 'o1' },
          { id: 'other', new_value: 'shop', old_value: null },
        ],
      },
      { id: 'app.preset.none', variables: [] },
    ]);
  });

  it('need to be told which of their assignments', async () => {
    await expect(open().planPreset('app.preset.large', [])).rejects.toMatchObject({
      publicMessage: 'whitelist empty/absent',
    });
  });
});
