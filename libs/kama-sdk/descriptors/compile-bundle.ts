import { createHash } from 'node:crypto';
import { Fault } from '@nm/kernel/fault';
import { type CustomModel, collectModels } from '../define/custom-model.js';
import { KindTable } from '../kinds/kind-table.js';
import { prebuiltDescriptors } from '../prebuilt/prebuilt-descriptors.js';
import { type Dict, deepMerge, isDict, ownOf } from '../values/dict.js';
import { closestTo } from '../values/edit-distance.js';
import { Bundle, type Descriptor, donorId, type PluginManifest, withoutOrigin } from './bundle.js';
import { type BundleFile, roleOf } from './bundle-files.js';
import { checkDescriptors } from './check-descriptors.js';
import { type Finding, findingAt, formatFinding, type Place } from './finding.js';
import { bundleLimits } from './limits.js';
import { parseFile } from './parse-file.js';
import { SourceMap } from './source-map.js';

export interface CompileOptions {
  /** Kinds of a publisher's own, with the code behind them: never for bundles of strangers. */
  readonly models?: readonly CustomModel[];
}

export interface CompiledBundle {
  readonly bundle: Bundle;
  readonly findings: readonly Finding[];
}

interface Draft {
  readonly config: Dict;
  readonly space: string | undefined;
  readonly place: Place;
}

/** compileBundle reads, checks and orders the files of a bundle. It never throws on what they hold: faults are findings. */
export function compileBundle(files: readonly BundleFile[], options: CompileOptions = {}): CompiledBundle {
  const findings: Finding[] = [];
  const models = collectModels(options.models ?? []);
  const kinds = new KindTable().with(models.kinds);
  const sources = new SourceMap();
  const { drafts, assets, plugins } = readFiles(files, sources, findings);
  const own = describe(drafts, kinds, sources, findings);
  const sdk = prebuiltDescriptors().map((config) => sdkDraft(config, sources));
  const all = inheritAll([...own, ...describe(sdk, kinds, sources, findings)], kinds, sources, findings);
  const bundle = new Bundle({
    kinds,
    sources,
    descriptors: all,
    assets,
    plugins,
    digest: digestOf(files),
    code: models,
  });
  findings.push(...checkDescriptors(bundle));
  return { bundle, findings: ordered(findings) };
}

/** lintBundle gives every finding, errors first within their files. */
export const lintBundle = (files: readonly BundleFile[], options: CompileOptions = {}): readonly Finding[] =>
  compileBundle(files, options).findings;

/** loadBundle gives a bundle that may be used. @throws Fault bundle_invalid with every finding, when one is an error */
export function loadBundle(files: readonly BundleFile[], options: CompileOptions = {}): Bundle {
  const { bundle, findings } = compileBundle(files, options);
  const errors = findings.filter(({ severity }) => severity === 'error');
  if (errors.length === 0) return bundle;
  const [first] = errors;
  throw new Fault('bundle_invalid', {
    public: `The bundle has ${errors.length} ${errors.length === 1 ? 'fault' : 'faults'}. First: ${first ? formatFinding(first) : ''}`,
    extra: { findings },
  });
}

function ordered(findings: readonly Finding[]): Finding[] {
  const rank = (finding: Finding): string =>
    `${finding.file}\0${String(finding.line).padStart(8, '0')}\0${String(finding.column).padStart(8, '0')}`;
  const unique = new Map(findings.map((finding) => [`${rank(finding)}\0${finding.code}\0${finding.message}`, finding]));
  return [...unique.values()]
    .sort((left, right) => (rank(left) < rank(right) ? -1 : rank(left) > rank(right) ? 1 : 0))
    .slice(0, bundleLimits.findings);
}

interface ReadFiles {
  readonly drafts: Draft[];
  readonly assets: Map<string, Map<string, string>>;
  readonly plugins: PluginManifest[];
}

function readFiles(files: readonly BundleFile[], sources: SourceMap, findings: Finding[]): ReadFiles {
  const read: ReadFiles = { drafts: [], assets: new Map(), plugins: [] };
  const allowance = { values: bundleLimits.values };
  const bytes = { descriptors: 0, assets: 0 };
  const refuse = (path: string, message: string): void => {
    findings.push(findingAt({ file: path, line: 1, column: 1 }, 'error', 'too_large', message));
  };
  if (files.length > bundleLimits.files) refuse('', `The bundle holds more than ${bundleLimits.files} files.`);
  for (const { path, text } of files.slice(0, bundleLimits.files)) {
    const role = roleOf(path);
    if (role.role === 'other') continue;
    const size = Buffer.byteLength(text);
    if (role.role === 'asset') {
      bytes.assets += size;
      if (size > bundleLimits.assetBytes || bytes.assets > bundleLimits.assetsBytes)
        refuse(path, 'The asset is too large.');
      else read.assets.set(role.space, (read.assets.get(role.space) ?? new Map()).set(role.name, text));
      continue;
    }
    bytes.descriptors += size;
    if (size > bundleLimits.fileBytes) refuse(path, `The file is larger than ${bundleLimits.fileBytes} bytes.`);
    else if (bytes.descriptors > bundleLimits.descriptorBytes) refuse(path, 'The descriptors are too large together.');
    else
      for (const { value, place } of parseFile(path, text, sources, findings, allowance))
        takeDocument(read, role, value, place, findings);
  }
  return read;
}

function takeDocument(
  read: ReadFiles,
  role: { readonly role: 'descriptors' | 'plugin'; readonly space: string },
  value: unknown,
  place: Place,
  findings: Finding[],
): void {
  for (const config of Array.isArray(value) ? (value as unknown[]) : [value]) {
    if (!isDict(config)) findings.push(findingAt(place, 'error', 'not_a_descriptor', 'A descriptor is an object.'));
    else if (role.role === 'plugin') read.plugins.push({ id: role.space, config });
    else if (read.drafts.length < bundleLimits.documents) read.drafts.push({ config, space: role.space, place });
    else
      return void findings.push(
        findingAt(place, 'error', 'too_many', `More than ${bundleLimits.documents} descriptors.`),
      );
  }
}

function sdkDraft(config: Dict, sources: SourceMap): Draft {
  const place = { file: `sdk:${String(config['id'])}`, line: 1, column: 1 };
  markAll(config, place, sources);
  return { config, space: undefined, place };
}

function markAll(value: unknown, place: Place, sources: SourceMap): void {
  if (typeof value !== 'object' || value === null) return;
  sources.add(value, place);
  for (const each of Object.values(value)) markAll(each, place, sources);
}

/** describe makes descriptors of drafts that have an id and a kind, and reports the others. */
function describe(drafts: readonly Draft[], kinds: KindTable, sources: SourceMap, findings: Finding[]): Descriptor[] {
  const seen = new Map<string, Place>();
  return drafts.flatMap(({ config, space, place }) => {
    const [id, kind] = [ownOf(config, 'id'), ownOf(config, 'kind')];
    if (typeof id !== 'string' || id === '')
      return report(
        findings,
        place,
        'missing_id',
        `A descriptor needs an "id"${id === undefined ? '' : ' that is text'}.`,
      );
    const known = typeof kind === 'string' ? kinds.find(kind) : undefined;
    if (typeof kind !== 'string' && typeof ownOf(config, 'inherit') !== 'string')
      return report(findings, place, 'missing_kind', `"${id}" needs a "kind".`);
    if (typeof kind === 'string' && !known) {
      const close = closestTo(kind, kinds.names());
      return report(
        findings,
        place,
        'unknown_kind',
        `There is no kind "${kind}".`,
        close ? `Did you mean "${close}"?` : undefined,
      );
    }
    const before = seen.get(`${known?.name ?? ''}\0${id}`);
    if (before && space !== undefined)
      return report(
        findings,
        place,
        'duplicate_id',
        `"${id}" was described before, in ${before.file} line ${before.line}.`,
      );
    seen.set(`${known?.name ?? ''}\0${id}`, place);
    return [
      { id, kind: known?.name ?? '', space, config: withSpace({ config, space, place }, sources, findings), place },
    ];
  });
}

function report(findings: Finding[], place: Place, code: Finding['code'], message: string, suggestion?: string): [] {
  findings.push(findingAt(place, 'error', code, message, suggestion));
  return [];
}

/** withSpace writes the space into the descriptor itself, before a donor's can get in. */
function withSpace(draft: Draft, sources: SourceMap, findings: Finding[]): Dict {
  const { config, space, place } = draft;
  if (space === undefined) return config;
  const declared = ownOf(config, 'space');
  if (typeof declared === 'string' && declared !== space)
    findings.push(findingAt(place, 'warning', 'space_mismatch', `Says space "${declared}" but stands in "${space}".`));
  const filled = { ...config, space: declared ?? space, config_space: ownOf(config, 'config_space') ?? space };
  sources.joined(filled, config, config);
  return filled;
}

/** inheritAll resolves `inherit` of every descriptor, once, and finds circles. */
function inheritAll(
  descriptors: readonly Descriptor[],
  kinds: KindTable,
  sources: SourceMap,
  findings: Finding[],
): Descriptor[] {
  const byId = Map.groupBy(descriptors, ({ id }) => id);
  const done = new Map<Descriptor, Descriptor | undefined>();
  const resolve = (descriptor: Descriptor, heirs: readonly Descriptor[]): Descriptor | undefined => {
    if (done.has(descriptor)) return done.get(descriptor);
    const inherit = ownOf(descriptor.config, 'inherit');
    const place = sources.placeOf(descriptor.config, 'inherit') ?? descriptor.place;
    if (typeof inherit !== 'string') return finish(descriptor, withDefaults(descriptor, sources));
    if (heirs.includes(descriptor)) {
      const circle = [...heirs.slice(heirs.indexOf(descriptor)), descriptor].map(({ id }) => id).join(' → ');
      findings.push(findingAt(place, 'error', 'inherit_cycle', `Inherits from itself: ${circle}.`));
      return finish(descriptor, undefined);
    }
    const donor = byId
      .get(donorId(inherit))
      ?.find(
        (each) =>
          each !== descriptor &&
          (each.kind === '' || descriptor.kind === '' || related(kinds, each.kind, descriptor.kind)),
      );
    const given = donor && resolve(donor, [...heirs, descriptor]);
    if (!given) {
      if (!donor) findings.push(unknownDonor(place, donorId(inherit), byId.keys()));
      return finish(descriptor, undefined);
    }
    const config = deepMerge(given.config, withoutOrigin(descriptor.config, sources), sources.joined);
    return finish(descriptor, withDefaults({ ...descriptor, kind: given.kind, config }, sources));
  };
  const finish = (from: Descriptor, to: Descriptor | undefined): Descriptor | undefined => {
    done.set(from, to);
    return to;
  };
  return descriptors.flatMap((each) => resolve(each, []) ?? []);
}

const related = (kinds: KindTable, left: string, right: string): boolean =>
  kinds.isA(left, right) || kinds.isA(right, left);

function unknownDonor(place: Place, id: string, ids: Iterable<string>): Finding {
  const close = closestTo(id, ids);
  return findingAt(
    place,
    'error',
    'unknown_reference',
    `There is nothing called "${id}" to inherit from.`,
    close ? `Did you mean "${close}"?` : undefined,
  );
}

/** withDefaults writes what every descriptor has: its kind, id, labels and spaces. */
function withDefaults(descriptor: Descriptor, sources: SourceMap): Descriptor {
  const { config, space } = descriptor;
  const filled = {
    ...config,
    id: descriptor.id,
    kind: descriptor.kind,
    labels: ownOf(config, 'labels') ?? {},
  };
  sources.joined(filled, config, config);
  const own = ownOf(config, 'space');
  return { ...descriptor, space: typeof own === 'string' ? own : space, config: Object.freeze(filled) };
}

function digestOf(files: readonly BundleFile[]): string {
  const hash = createHash('sha256');
  for (const { path, text } of files.toSorted((left, right) => (left.path < right.path ? -1 : 1)))
    hash.update(`${path}\0${Buffer.byteLength(text)}\0${text}`);
  return `sha256:${hash.digest('hex')}`;
}
