import { Fault, isFault } from '@nm/kernel/fault';
import { type CustomModel, collectModels } from '../define/custom-model.js';
import { KindTable } from '../kinds/kind-table.js';
import { prebuiltDescriptors } from '../prebuilt/prebuilt-descriptors.js';
import { type Dict, isDict, ownOf } from '../values/dict.js';
import { closestTo } from '../values/edit-distance.js';
import { Bundle, type Descriptor, type PluginManifest } from './bundle.js';
import { packBundle } from './bundle-archive.js';
import { type BundleFile, roleOf } from './bundle-files.js';
import { checkDescriptors } from './check-descriptors.js';
import { fileFaults } from './check-files.js';
import { type Finding, findingAt, formatFinding, type Place } from './finding.js';
import { inheritAll } from './inherit.js';
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
  const findings: Finding[] = fileFaults(files);
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
    digest: contentDigest(files, findings),
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
  // Errors are never left out in favour of warnings: who has enough warnings could hide an error behind them.
  const kept = (['error', 'warning'] as const)
    .flatMap((severity) => [...unique.values()].filter((finding) => finding.severity === severity))
    .slice(0, bundleLimits.findings);
  return kept.sort((left, right) => (rank(left) < rank(right) ? -1 : rank(left) > rank(right) ? 1 : 0));
}

interface ReadFiles {
  readonly drafts: Draft[];
  readonly assets: Map<string, Map<string, string>>;
  readonly plugins: PluginManifest[];
}

function readFiles(files: readonly BundleFile[], sources: SourceMap, findings: Finding[]): ReadFiles {
  const read: ReadFiles = { drafts: [], assets: new Map(), plugins: [] };
  const allowance = { values: bundleLimits.values, signs: bundleLimits.signs };
  const bytes = { descriptors: 0, assets: 0 };
  const refuse = (path: string, message: string): void => {
    findings.push(findingAt({ file: path, line: 1, column: 1 }, 'error', 'too_large', message));
  };
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

/** The digest that the bundle has when it is packed; of what cannot be packed there is none, and a finding. */
function contentDigest(files: readonly BundleFile[], findings: Finding[]): string {
  try {
    return packBundle(files).digest;
  } catch (error) {
    if (!isFault(error)) throw error;
    if (findings.length === 0)
      findings.push(findingAt({ file: '', line: 1, column: 1 }, 'error', 'too_large', error.publicMessage));
    return '';
  }
}
