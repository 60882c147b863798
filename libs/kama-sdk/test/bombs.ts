import { gzipSync } from 'node:zlib';
import type { BundleFile } from '../descriptors/bundle-files.js';

/** Bomb is a bundle that somebody made to do harm, and the words that its author must get. */
export interface Bomb {
  readonly name: string;
  readonly says: string;
  /** A packed bundle. */
  readonly bytes?: Buffer;
  readonly files?: readonly BundleFile[];
  /** This asset is rendered, with no values. */
  readonly template?: string;
  /** This supplier is resolved. */
  readonly supplier?: string;
}

const mib = 1024 * 1024;
const descriptor = (text: string): BundleFile[] => [{ path: 'descriptors/a.yaml', text }];
const many = (count: number, each: (index: number) => string, between = '---\n'): string =>
  Array.from({ length: count }, (_, index) => each(index)).join(between);
const packed = (files: string): Buffer => Buffer.from(`{"files":${files},"format":"nmachine.bundle/1"}`);
/** A tar header is all that a reader would need to be fooled. */
const tar = (name: string, type: string): Buffer => {
  const block = Buffer.alloc(1024);
  block.write(name, 0);
  block.write(type, 156);
  block.write('ustar', 257);
  return block;
};

const packedBombs: Bomb[] = [
  { name: 'a gzip bomb', bytes: gzipSync(Buffer.alloc(64 * mib)), says: 'this is a gzip file' },
  {
    name: 'a zip bomb',
    bytes: Buffer.concat([Buffer.from('PK\x03\x04'), Buffer.alloc(mib)]),
    says: 'this is a zip file',
  },
  { name: 'a zstd frame', bytes: Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 0]), says: 'this is a zstd file' },
  { name: 'an xz stream', bytes: Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]), says: 'this is an xz file' },
  { name: 'a tar with a way out', bytes: tar('../../etc/passwd', '0'), says: 'this is a tar file' },
  { name: 'a tar with a link', bytes: tar('assets/link', '2'), says: 'this is a tar file' },
  { name: 'nothing', bytes: Buffer.alloc(0), says: 'no JSON' },
  { name: 'more bytes than may be', bytes: Buffer.alloc(9 * mib, 0x20), says: '8388608 are the most' },
  { name: 'eight million open lists', bytes: Buffer.alloc(8 * mib, '['), says: 'no lists' },
  { name: 'millions of open objects', bytes: Buffer.from('{"a":'.repeat(1_500_000)), says: 'two levels of braces' },
  { name: 'bytes that are no UTF-8', bytes: Buffer.from([0x7b, 0xff, 0xfe, 0x7d]), says: 'no UTF-8 text' },
  { name: 'a byte order mark', bytes: Buffer.concat([Buffer.from('\ufeff'), packed('{}')]), says: 'no JSON' },
  { name: 'another format', bytes: Buffer.from('{"files":{},"format":"evil/1"}'), says: 'its format is not' },
  { name: 'a name twice', bytes: packed('{"assets/a":"1","assets/a":"2"}'), says: 'a name twice' },
  { name: 'files out of order', bytes: packed('{"assets/b":"1","assets/a":"2"}'), says: 'order' },
  { name: 'a file that is a number', bytes: packed('{"assets/a":1e999}'), says: 'a file is text' },
  { name: 'a file named __proto__', bytes: packed('{"__proto__":"1"}'), says: 'JavaScript reserves' },
  {
    name: 'something behind the end',
    bytes: Buffer.concat([packed('{}'), Buffer.alloc(mib, 0x20)]),
    says: 'not written as',
  },
];

const path = (name: string, given: string, says = 'bad_path'): Bomb => ({
  name,
  files: [{ path: given, text: '' }],
  says,
});
const fileBombs: Bomb[] = [
  path('a way out', 'assets/../../../etc/passwd'),
  path('an absolute path', '/etc/passwd'),
  path('a way out for Windows', 'assets\\..\\..\\evil'),
  path('a NUL in a name', 'assets/a\0b'),
  path('a line break in a name', 'assets/a\nerror: all is well'),
  path('a prototype as a space', 'plugins/__proto__/descriptors/a.yaml'),
  path('a name without an end', `assets/${'a'.repeat(mib)}`),
  path('folders without an end', `assets/${'a/'.repeat(80)}b`),
  path('a file that is none of ours', 'bin/run.sh'),
  {
    name: 'two files that are one elsewhere',
    files: [
      { path: 'assets/A', text: '' },
      { path: 'assets/a', text: '' },
    ],
    says: 'upper and lower case',
  },
  {
    name: 'too many files',
    files: Array.from({ length: 100_000 }, (_, n) => ({ path: `assets/${n}`, text: '' })),
    says: 'more than 2000 files',
  },
  { name: 'a NUL in a text', files: descriptor('kind: Supplier\nid: "a\0"\n'), says: 'not_text' },
  { name: 'half a character', files: descriptor('kind: Supplier\nid: a\ud800\n'), says: 'not_text' },
  { name: 'a giant asset', files: [{ path: 'assets/a', text: 'a'.repeat(3 * mib) }], says: 'too_large' },
  {
    name: 'giant assets together',
    files: Array.from({ length: 4 }, (_, n) => ({ path: `assets/${n}`, text: 'a'.repeat(1.9 * mib) })),
    says: 'too_large',
  },
  { name: 'a giant file of descriptors', files: descriptor(`#${'a'.repeat(mib)}`), says: 'too_large' },
];

const billion = many(
  12,
  (n) =>
    n === 0
      ? 'x0: &x0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n'
      : `x${n}: &x${n} [${Array(9)
          .fill(`*x${n - 1}`)
          .join(', ')}]\n`,
  '',
);
const heirs = (count: number, width: number): string =>
  `kind: Supplier\nid: s0\n${many(width, (n) => `m${n}: 1\n`, '')}---\n${many(count, (n) => `id: h${n}\ninherit: s0\n`)}`;
const chain = (count: number, width: number): string =>
  `kind: Supplier\nid: c0\n---\n${many(count, (n) => `id: c${n + 1}\ninherit: c${n}\n${many(width, (m) => `m${n}x${m}: 1\n`, '')}`)}`;

const yamlBombs: Bomb[] = [
  { name: 'a billion laughs', files: descriptor(`kind: Supplier\nid: a\n${billion}`), says: 'alias_bomb' },
  {
    name: 'aliases of a wide list',
    files: descriptor(`kind: Supplier\nid: a\nx: &x [${'1,'.repeat(2000)}1]\ny: [${'*x,'.repeat(2000)}1]\n`),
    says: 'alias_bomb',
  },
  {
    name: 'an alias within itself',
    files: descriptor('kind: Supplier\nid: a\nsource: &a [*a]\n'),
    says: 'stands within itself',
  },
  {
    name: 'brackets without an end',
    files: descriptor(`kind: Supplier\nid: a\nsource: ${'['.repeat(100_000)}`),
    says: 'too_deep',
  },
  {
    name: 'indentation without an end',
    files: descriptor(many(400, (n) => `${' '.repeat(n)}a:\n`, '')),
    says: 'too_deep',
  },
  { name: 'a list of lists on one line', files: descriptor(`${'- '.repeat(3_000)}x`), says: 'too_deep' },
  {
    name: 'JSON without an end',
    files: [{ path: 'descriptors/a.json', text: '{"a":'.repeat(50_000) }],
    says: 'too_deep',
  },
  {
    name: 'more values than may be',
    files: descriptor(`kind: Supplier\nid: a\nsource: [${'1,'.repeat(210_000)}1]\n`),
    says: 'too_many',
  },
  {
    name: 'more documents than may be',
    files: descriptor(many(3_000, (n) => `kind: Supplier\nid: s${n}\n`)),
    says: 'too_many',
  },
  {
    name: 'a member named __proto__',
    files: descriptor('kind: Supplier\nid: a\n__proto__: { polluted: 1 }\n'),
    says: 'forbidden_name',
  },
  {
    name: 'a member named constructor',
    files: descriptor('kind: Supplier\nid: a\nsource: { constructor: { prototype: 1 } }\n'),
    says: 'forbidden_name',
  },
  {
    name: 'a tag that makes functions',
    files: descriptor('kind: Supplier\nid: !!js/function "a"\nkind: x\n'),
    says: 'error',
  },
  {
    name: 'members without an end',
    files: descriptor(`kind: Supplier\nid: a\n${many(40_000, (n) => `m${n}: 1\n`, '')}`),
    says: 'too_many',
  },
  {
    name: 'the same member ten thousand times',
    files: descriptor(`kind: Supplier\nid: a\n${'m: 1\n'.repeat(10_000)}`),
    says: 'too_many',
  },
  { name: 'an heir of itself', files: descriptor('kind: Supplier\nid: a\ninherit: a\n'), says: 'error' },
  {
    name: 'heirs in a ring',
    files: descriptor(many(50, (n) => `kind: Supplier\nid: s${n}\ninherit: s${(n + 1) % 50}\n`)),
    says: 'inherit_cycle',
  },
  { name: 'two thousand heirs of a wide donor', files: descriptor(heirs(1_900, 1_900)), says: 'too_many' },
  { name: 'a chain of heirs that grows', files: descriptor(chain(1_500, 20)), says: 'too_many' },
  {
    name: 'a value that needs itself',
    files: descriptor('kind: Supplier\nid: a\nsource: get::id::b\n---\nkind: Supplier\nid: b\nsource: get::id::a\n'),
    says: 'reference_cycle',
  },
  {
    name: 'twenty thousand unknown references',
    files: descriptor(`kind: Supplier\nid: a\nsource: [${many(20_000, (n) => `get::x${n.toString(36)}`, ',')}]\n`),
    says: 'unknown_reference',
  },
  {
    name: 'unknown references that look like known ones',
    files: descriptor(
      `${many(900, (n) => `kind: Supplier\nid: ${'a'.repeat(90)}${n}\n`)}---\nkind: Supplier\nid: z\nsource: [${many(3_000, (n) => `get::${'a'.repeat(80)}bcdefg${n}`, ',')}]\n`,
    ),
    says: 'unknown_reference',
  },
  {
    name: 'unknown attributes that look like known ones',
    files: descriptor(
      `kind: ManifestVariable\nid: z\n${many(1_900, (n) => `validatorz${n}: 1\n`, '')}health_predicates: 5\n`,
    ),
    says: 'error',
  },
  {
    name: 'a step that is a huge number',
    files: descriptor(`kind: Operation
id: a
steps: ${'9'.repeat(100_000)}
`),
    says: 'error',
  },
];

const jq = (program: string): string => `kind: Supplier\nid: a\nsource: [1]\noutput: '${program}'\nmany: true\n`;
const asset = (text: string): BundleFile[] => [{ path: 'assets/t', text }, ...descriptor('kind: Supplier\nid: a\n')];
const rendered = (name: string, text: string, says = 'template'): Bomb => ({
  name,
  files: asset(text),
  template: 't',
  says,
});
const resolved = (name: string, text: string, says: string): Bomb => ({
  name,
  files: descriptor(text),
  supplier: 'a',
  says,
});
const doubling = many(
  40,
  (n) => `kind: Supplier\nid: ${n === 0 ? 'a' : `s${n}`}\nsource: [get::id::s${n + 1}, get::id::s${n + 1}]\n`,
);

const runningBombs: Bomb[] = [
  resolved('jq that calls itself', jq('def f: f; f'), 'took longer'),
  resolved('jq that counts for ever', jq('[range(1e15)] | length'), 'evaluation'),
  resolved(
    'jq that fills its memory',
    jq('[limit(1e9; repeat("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"))] | length'),
    'evaluation',
  ),
  resolved('jq that puts out for ever', jq('repeat(1)'), 'evaluation'),
  resolved('a value that doubles forty times', `${doubling}---\nkind: Supplier\nid: s40\nsource: 1\n`, 'was stopped'),
  rendered(
    'Jinja loops in loops',
    '{% for a in range(9999) %}{% for b in range(9999) %}{% for c in range(9999) %}x{% endfor %}{% endfor %}{% endfor %}',
  ),
  rendered(
    'Jinja that doubles text',
    `{% set ns = namespace(t="x") %}{% for a in range(60) %}{% set ns.t = ns.t ~ ns.t %}{% endfor %}{{ ns.t }}`,
  ),
  rendered('a macro that calls itself', '{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}'),
  rendered('Jinja that reaches for a prototype', '{{ "".constructor.constructor("return process")().exit() }}'),
  rendered('Jinja that includes a file', '{% include "/etc/passwd" %}'),
];

export const bombs: readonly Bomb[] = [...packedBombs, ...fileBombs, ...yamlBombs, ...runningBombs];
