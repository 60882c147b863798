import { describe, expect, it } from 'vitest';
import { files } from '../test/fakes.js';
import { compileBundle, lintBundle, loadBundle } from './compile-bundle.js';
import { formatFinding } from './finding.js';

const lint = (text: string, more?: Readonly<Record<string, string>>) => lintBundle(files(text, more));
/** "line:column code" of each finding. */
const where = (text: string, more?: Readonly<Record<string, string>>): string[] =>
  lint(text, more).map(({ line, column, code }) => `${line}:${column} ${code}`);

describe('a linter that is as good as a compiler', () => {
  it('says file, line, column, what is wrong and what was probably meant', () => {
    const [finding] = lint('kind: Operatoin\nid: app.x\n');
    expect(finding && formatFinding(finding)).toBe(
      'descriptors/app.yaml:1:1 error unknown_kind: There is no kind "Operatoin". Did you mean "Operation"?',
    );
  });

  it.each([
    ['an unknown reference', 'kind: Supplier\nid: a\nsource: "get::app.nowhere->.x"\n', ['3:9 unknown_reference']],
    ['one within text', 'kind: Supplier\nid: a\nsource: "x ${get::id::app.nowhere} y"\n', ['3:9 unknown_reference']],
    [
      'an unknown kind in a reference',
      'kind: Supplier\nid: a\nsource: get::kind::MergedVarSupplier\n',
      ['3:9 unknown_kind'],
    ],
    ['an unknown donor', 'kind: Supplier\nid: a\ninherit: app.nobody\n', ['3:10 unknown_reference']],
    ['an unknown asset', 'kind: Operation\nid: a\ninfo: assets::nope.md\n', ['3:7 unknown_asset']],
    ['a child of the wrong kind', 'kind: Operation\nid: a\nsteps:\n  - kind: Field\n    id: f\n', ['4:11 wrong_kind']],
    [
      'a named child of the wrong kind',
      'kind: TruePredicate\nid: p\n---\nkind: Operation\nid: a\nsteps: [id::p]\n',
      ['6:9 wrong_kind'],
    ],
    ['a wrong type', 'kind: Operation\nid: a\nsteps: 5\n', ['3:8 invalid_attribute']],
    ['an unknown operator', 'kind: Predicate\nid: a\noperator: gretaer-than\n', ['3:11 unknown_operator']],
    ['an unknown format', 'kind: FormatPredicate\nid: a\ncheck_against: emial\n', ['3:16 unknown_format']],
    [
      'a step that is not there',
      'kind: Operation\nid: a\nsteps:\n  - { id: one, next: tow }\n  - { id: two }\n',
      ['4:22 unknown_step'],
    ],
    ['two steps of one name', 'kind: Operation\nid: a\nsteps: [{ id: x }, { id: x }]\n', ['3:20 duplicate_id']],
    ['a misspelt attribute', 'kind: ManifestVariable\nid: a\nvalidatros: []\n', ['3:13 unknown_attribute']],
    ['a missing id', 'kind: Operation\n', ['1:1 missing_id']],
    ['a missing kind', 'id: a\n', ['1:1 missing_kind']],
    ['something that is no descriptor', '- 1\n', ['1:1 not_a_descriptor']],
    ['two of one kind and id', 'kind: Supplier\nid: a\n---\nkind: Supplier\nid: a\n', ['4:1 duplicate_id']],
    ['a name that is written twice', 'kind: Supplier\nid: a\nsource: 1\nsource: 2\n', ['4:1 syntax']],
    ['a word that YAML 1.1 reads as a boolean', 'kind: Supplier\nid: a\nsource: on\n', ['3:9 ambiguous_scalar']],
    [
      'a circle of inheritance',
      'kind: Supplier\nid: a\ninherit: b\n---\nkind: Supplier\nid: b\ninherit: a\n',
      ['3:10 inherit_cycle'],
    ],
    [
      'a value that needs itself',
      'kind: Supplier\nid: a\nsource: get::b\n---\nkind: Supplier\nid: b\nsource: { x: "get::a->.y" }\n',
      ['7:14 reference_cycle'],
    ],
    ['a command beside the KAMA', 'kind: CmdExecAction\nid: a\ncmd: rm -rf /\n', ['1:1 not_supported']],
    ['text that is no YAML', 'kind: [Supplier\n', ['2:1 syntax']],
  ])('finds %s', (_what, text, found) => {
    expect(where(text)).toEqual(found);
  });

  it('loses no error behind any number of warnings', () => {
    const warned = `kind: Supplier\nid: a\nsource: [${'on, '.repeat(600)}on]\n`;
    const wrong = 'kind: Supplier\nid: b\nsource: get::nowhere\n';
    expect(() => loadBundle(files(`${warned}---\n${wrong}`))).toThrow('unknown_reference');
  });

  it('lets an app hide what the SDK brings, and a plugin live in a space of its own', () => {
    const bundle = loadBundle(
      files('kind: VariableCategory\nid: sdk.variable-category.compute\ntitle: Ours\n', {
        'plugins/acme.prom/descriptors/a.json': '[{"kind": "Supplier", "id": "prom.up", "source": 1}]',
        'plugins/acme.prom/plugin.yaml': 'version: 1.0.0\n',
      }),
    );
    expect(bundle.find('sdk.variable-category.compute')?.config['title']).toBe('Ours');
    expect(bundle.query('VariableCategory').filter(({ id }) => id.endsWith('compute'))).toHaveLength(1);
    expect(bundle.find('prom.up')).toMatchObject({
      space: 'acme.prom',
      config: { config_space: 'acme.prom', labels: {} },
    });
    expect(bundle.spaces()).toEqual(['app', 'acme.prom']);
  });

  it('finds nothing wrong with what the SDK brings', () => {
    const { bundle, findings } = compileBundle([]);
    expect(findings).toEqual([]);
    expect(bundle.find('sdk.action.commit_template_apply_step', 'MultiAction')).toBeDefined();
  });

  it('gives a digest of the content, whatever the order of the files', () => {
    const [one, two] = [
      { path: 'descriptors/a.yaml', text: '' },
      { path: 'descriptors/b.yaml', text: '# x' },
    ];
    expect(loadBundle([one, two]).digest).toBe(loadBundle([two, one]).digest);
    expect(loadBundle([one]).digest).not.toBe(loadBundle([one, two]).digest);
  });
});

const bomb = `a: &a [x,x,x,x,x,x,x,x,x,x]\n${'bcdefghi'
  .split('')
  .map((name, index) => `${name}: &${name} [${Array(10).fill(`*${'abcdefgh'[index]}`).join(',')}]`)
  .join('\n')}\nkind: Supplier\nid: boom\n`;

describe('a hostile bundle', () => {
  it.each([
    ['a bomb of aliases', bomb, 'alias_bomb'],
    ['an alias of itself', 'kind: Supplier\nid: a\nsource: &s [*s]\n', 'syntax'],
    [
      'aliases within aliases',
      `x0: &x0 [1]\n${Array.from({ length: 60 }, (_, index) => `x${index + 1}: &x${index + 1} [*x${index}]`).join('\n')}\nkind: Supplier\nid: a\n`,
      'too_deep',
    ],
    ['deep nesting', `kind: Supplier\nid: a\nsource: ${'['.repeat(200)}${']'.repeat(200)}\n`, 'too_deep'],
    ['nesting without end', `${'['.repeat(100_000)}`, undefined],
    ['a large file', `kind: Supplier\nid: a\nsource: "${'x'.repeat(600_000)}"\n`, 'too_large'],
    ['a prototype', 'kind: Supplier\nid: a\n__proto__: { polluted: true }\n', 'forbidden_name'],
    ['a constructor', 'kind: Supplier\nid: a\nsource: { constructor: { prototype: 1 } }\n', 'forbidden_name'],
    ['a tag of another language', 'kind: !!python/object/apply:os.system [ls]\nid: a\n', undefined],
    ['thousands of documents', 'kind: Supplier\nid: a\n---\n'.repeat(6_000), undefined],
  ])('of %s is refused with a message for its author', (_what, text, code) => {
    const findings = lint(text).filter(({ severity }) => severity === 'error');
    expect(findings.length).toBeGreaterThan(0);
    expect(findings.length).toBeLessThanOrEqual(500);
    if (code !== undefined) expect(findings.map((finding) => finding.code)).toContain(code);
    expect(() => loadBundle(files(text))).toThrow(expect.objectContaining({ code: 'bundle_invalid' }));
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it('cannot change after it was loaded', () => {
    const bundle = loadBundle(files('kind: Supplier\nid: a\nsource: { x: [1] }\n'));
    const config = bundle.find('a')?.config as { source: { x: number[] } };
    expect(() => config.source.x.push(2)).toThrow(TypeError);
    expect(() => Object.assign(config, { source: 1 })).toThrow(TypeError);
  });
});

describe('the JSON Schema of descriptors', () => {
  it('comes from the same definitions', () => {
    const schema = compileBundle([]).bundle.kinds.jsonSchema() as { $defs: Record<string, { properties: object }> };
    expect(Object.keys(schema.$defs).length).toBeGreaterThan(100);
    expect(Object.keys(schema.$defs['ManifestVariable']?.properties ?? {})).toEqual(
      expect.arrayContaining(['id', 'inherit', 'validators', 'flat_key', 'health_predicates']),
    );
  });
});
