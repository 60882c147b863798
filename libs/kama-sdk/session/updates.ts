import { stringify } from 'yaml';
import type { PlannedAction } from '../actions/plan-action.js';
import { appSpace } from '../descriptors/bundle-files.js';
import { entryOf, levels, mergedVars, readSpace } from '../models/kamafile.js';
import { engineOf, hubOf, releaseOf } from '../models/releases.js';
import type { KubeResource } from '../resolve/ports.js';
import { equalValues } from '../values/coerce.js';
import { type Dict, deepMerge, flatToDeep, isDict, mergeAll, ownOf } from '../values/dict.js';
import { unifiedDiff } from '../values/unified-diff.js';
import type { Desk } from './desk.js';

/** ManifestPreview is what a release would change in the manifest. */
export interface ManifestPreview {
  readonly old: readonly KubeResource[];
  readonly new: readonly KubeResource[];
  /** Of both as YAML, as `diff -u` prints it. */
  readonly diff: string;
}

/** Updates are releases of the templating engine, and variables that the publisher sends. */
export interface Updates {
  /** Of these spaces; none of an install that knows nobody to ask. */
  releases(spaces?: readonly string[]): Promise<Dict[]>;
  next(): Promise<Dict | null>;
  /** @throws Fault not_found */
  release(id: string, space?: string): Promise<Dict>;
  /** The defaults that the release would bring. @throws Fault not_found */
  previewVariables(id: string, space?: string): Promise<Dict>;
  /** @throws Fault not_found */
  previewManifest(id: string, space?: string): Promise<ManifestPreview>;
  /** manifest is what the engine makes of the variables as they are. */
  manifest(space?: string): Promise<readonly KubeResource[]>;
  freshDefaults(space?: string): Promise<Dict>;
  apply(id: string, space?: string): Promise<PlannedAction>;
  /** Whether an injection waits that the variables do not hold yet. */
  injectionIsNewer(): Promise<boolean>;
  previewInjection(): Promise<{ readonly old: Dict; readonly new: Dict }>;
  applyInjection(): Promise<PlannedAction>;
}

/** updatesOf gives the updates of a session. */
export function updatesOf(desk: Desk): Updates {
  const { evaluation } = desk;
  const signal = (what: string) => evaluation.parts.budget.call(() => ({ descriptor: what }));
  const engine = () => evaluation.need('engine', 'the templating engine');
  const current = async (space: string) => entryOf(await readSpace(evaluation, space), 'ktea');
  const template = async (ktea: unknown, values: Dict) =>
    isDict(ktea) ? engine().template(ktea, values, signal('manifest')) : [];
  const defaults = async (ktea: unknown) => (isDict(ktea) ? engine().defaults(ktea, signal('values')) : {});
  const waiting = async () => {
    const bundle = await (await hubOf(evaluation))?.injection(appSpace, signal('injection'));
    const part = (name: string): Dict => {
      const value = bundle && ownOf(bundle, name);
      return isDict(value) ? flatToDeep(value) : {};
    };
    return { standard: part('standard'), inline: part('inline') };
  };
  const stored = async () => flatToDeep((await readSpace(evaluation, appSpace)).vendor_injection_vars);

  const previewManifest = async (id: string, space: string): Promise<ManifestPreview> => {
    const release = await releaseOf(evaluation, space, id);
    const old = await current(space);
    const next = engineOf(old, release);
    const kept = await readSpace(evaluation, space);
    const above = levels.slice(1).map((level) => flatToDeep(kept[level]));
    const before = await template(old, await mergedVars(evaluation, space));
    const after = await template(next, mergeAll([flatToDeep(await defaults(next)), ...above]));
    const version = (ktea: unknown) => `manifest-${String((isDict(ktea) && ownOf(ktea, 'version')) || 'none')}`;
    const diff = unifiedDiff(textOf(before), textOf(after), [version(old), version(next)]);
    return { old: before, new: after, diff };
  };

  return {
    releases: async (spaces = evaluation.bundle.spaces()) => {
      const hub = await hubOf(evaluation);
      const found: Dict[] = [];
      for (const space of spaces)
        for (const release of (await hub?.releases?.(space, signal('releases'))) ?? [])
          if (String(ownOf(release, 'space') ?? appSpace) === space) found.push({ ...release, space });
      return found;
    },
    next: async () => (await (await hubOf(evaluation))?.available?.(appSpace, signal('releases'))) ?? null,
    release: (id, space = appSpace) => releaseOf(evaluation, space, id),
    previewVariables: async (id, space = appSpace) =>
      defaults(engineOf(await current(space), await releaseOf(evaluation, space, id))),
    previewManifest: (id, space = appSpace) => previewManifest(id, space),
    manifest: async (space = appSpace) => template(await current(space), await mergedVars(evaluation, space)),
    freshDefaults: async (space = appSpace) => defaults(await current(space)),
    apply: async (id, space = appSpace) => {
      await releaseOf(evaluation, space, id);
      return desk.planAction('sdk.action.perform_update', { release_id: id }, space);
    },
    injectionIsNewer: async () => {
      const [{ standard, inline }, held] = [await waiting(), await stored()];
      return Object.keys(inline).length > 0 || !equalValues(deepMerge(held, standard), held);
    },
    previewInjection: async () => {
      const [{ standard }, held] = [await waiting(), await stored()];
      return { old: held, new: deepMerge(held, standard) };
    },
    applyInjection: async () =>
      desk.planAction('sdk.action.apply_vendor_injections', { injections: await waiting() }, appSpace),
  };
}

const textOf = (resources: readonly KubeResource[]): string =>
  resources.map((each) => stringify(each, { sortMapEntries: true, aliasDuplicateObjects: false })).join('---\n');
