import { Fault } from '@nm/kernel/fault';
import type { KindTable } from '../kinds/kind-table.js';
import { type Dict, deepMerge, isDict, ownOf } from '../values/dict.js';
import { appSpace } from './bundle-files.js';
import type { Place } from './finding.js';
import { bundleLimits } from './limits.js';
import { matchesQuery } from './query.js';
import { idPrefix } from './reference.js';
import { type Origin, SourceMap } from './source-map.js';

/** Descriptor is one model as it was written, what it inherits included. */
export interface Descriptor {
  readonly id: string;
  readonly kind: string;
  /** None for what the SDK brings. */
  readonly space: string | undefined;
  readonly config: Dict;
  readonly place: Place;
}

/** PluginManifest is what a plugin says about itself. */
export interface PluginManifest {
  readonly id: string;
  readonly config: Dict;
}

/** BundleCode is the code behind kinds of the publisher's own, by their names. What it is, `modelsOf` knows. */
export interface BundleCode {
  readonly behaviours: Readonly<Record<string, unknown>>;
  readonly rules: Readonly<Record<string, unknown>>;
  readonly engines: Readonly<Record<string, unknown>>;
}

export interface BundleParts {
  readonly kinds: KindTable;
  readonly sources: SourceMap;
  readonly descriptors: readonly Descriptor[];
  readonly assets: ReadonlyMap<string, ReadonlyMap<string, string>>;
  readonly plugins: readonly PluginManifest[];
  /** SHA-256 of the files. */
  readonly digest: string;
  /** Code of the publisher's own container; see `modelsOf`. */
  readonly code?: BundleCode;
}

/** PortableBundle is a compiled bundle as plain data, for `structuredClone`. */
export type PortableBundle = Pick<BundleParts, 'descriptors' | 'plugins' | 'digest' | 'assets'> & {
  readonly origins: readonly (readonly [object, Origin])[];
};

/** Bundle is everything that a publisher wrote, checked and put in order. It never changes, and any number of requests may share it. */
export class Bundle {
  readonly kinds: KindTable;
  readonly sources: SourceMap;
  readonly descriptors: readonly Descriptor[];
  readonly plugins: readonly PluginManifest[];
  readonly digest: string;
  readonly code: BundleCode;
  readonly #assets: BundleParts['assets'];
  readonly #byId = new Map<string, Descriptor[]>();

  constructor(parts: BundleParts) {
    this.kinds = parts.kinds;
    this.sources = parts.sources;
    this.descriptors = parts.descriptors;
    this.plugins = parts.plugins;
    this.digest = parts.digest;
    this.code = parts.code ?? { behaviours: {}, rules: {}, engines: {} };
    this.#assets = parts.assets;
    for (const descriptor of parts.descriptors) {
      const known = this.#byId.get(descriptor.id);
      if (known) known.push(descriptor);
      else this.#byId.set(descriptor.id, [descriptor]);
    }
  }

  /** find gives the first descriptor of an id that is of a kind, or below it: an app's own hides the SDK's. */
  find(id: string, kind = 'Model'): Descriptor | undefined {
    return this.#byId.get(id)?.find((each) => this.kinds.isA(each.kind, kind));
  }

  has(id: string): boolean {
    return this.#byId.has(id);
  }

  ids(): string[] {
    return [...this.#byId.keys()];
  }

  /** query gives the descriptors of a kind that match, each id once. */
  query(kind: string, query: Dict = {}): Descriptor[] {
    return this.descriptors.filter(
      (each) =>
        this.kinds.isA(each.kind, kind) && this.find(each.id, kind) === each && matchesQuery(query, each.config),
    );
  }

  /** toPortable gives what another thread makes the same bundle of (`openPortable`); kinds in code cannot be sent. */
  toPortable(): PortableBundle {
    const { descriptors, plugins, digest } = this;
    const texts = [...descriptors.map(({ config }) => config), ...plugins.map(({ config }) => config)];
    return { descriptors, plugins, digest, assets: this.#assets, origins: this.sources.originsWithin(texts) };
  }

  /** asset reads a file of the bundle: of the space itself first, then of the app. */
  asset(name: string, space: string | undefined): string | undefined {
    return this.#assets.get(space ?? appSpace)?.get(name) ?? this.#assets.get(appSpace)?.get(name);
  }

  /** assetsBelow gives the files of a folder among the app's assets, by their paths within it. */
  assetsBelow(folder: string, space: string = appSpace): Map<string, string> {
    const start = `${folder}/`;
    const files = [...(this.#assets.get(space) ?? [])].filter(([name]) => name.startsWith(start));
    return new Map(files.map(([name, text]) => [name.slice(start.length), text]));
  }

  spaces(): string[] {
    return [appSpace, ...this.plugins.map(({ id }) => id)];
  }

  /** expand gives a config with what it inherits: the donor's kind and members, its own on top. Undefined when there is no such donor. */
  expand(config: Dict, expected = 'Model'): Dict | undefined {
    const inherit = ownOf(config, 'inherit');
    if (typeof inherit !== 'string') return config;
    const donor = this.find(donorId(inherit), expected);
    if (!donor) return undefined;
    return deepMerge(donor.config, withoutOrigin(config, this.sources), this.sources.joined);
  }

  /** adopt makes descriptors out of data that a client sent, so that they are interpreted. @throws Fault evaluation_limit */
  adopt(data: unknown, place: Place, depth = 0): unknown {
    if (depth > bundleLimits.depth)
      throw new Fault('evaluation_limit', {
        public: `A descriptor is nested deeper than ${bundleLimits.depth} levels.`,
      });
    if (Array.isArray(data)) {
      const list = data.map((each) => this.adopt(each, place, depth + 1));
      this.sources.add(list, place);
      return list;
    }
    if (!isDict(data)) return data;
    const dict = Object.fromEntries(
      Object.entries(data).map(([key, each]) => [key, this.adopt(each, place, depth + 1)]),
    );
    this.sources.add(dict, place);
    return dict;
  }
}

/** openPortable makes the bundle again that another thread has compiled. */
export function openPortable({ origins, ...parts }: PortableBundle, kinds: KindTable): Bundle {
  const sources = new SourceMap();
  sources.restore(origins);
  for (const { config } of parts.descriptors) Object.freeze(config);
  return new Bundle({ ...parts, kinds, sources });
}

export const donorId = (inherit: string): string =>
  inherit.startsWith(idPrefix) ? inherit.slice(idPrefix.length) : inherit;

/** What an heir does not pass on: its own word for its kind, because the donor's kind stays, and the inheritance itself, which is done. */
export function withoutOrigin(config: Dict, sources: SourceMap): Dict {
  const { kind: _kind, inherit: _inherit, ...rest } = config;
  sources.joined(rest, config, rest);
  return rest;
}
