import type { Bundle, KamafileReader, KamafileSpace, TemplatingEngine } from '@nm/kama-sdk';
import type { AppIdentity } from '../server/kama-parts.js';

const appSpace = 'app';

/** FreshSpaces gives the state of an install of which nothing has been set, by space: the engine that the bundle names for it, and that one's defaults. */
export interface FreshSpaces {
  /** None for a space without an engine, except the app's own. */
  read(space: string): Promise<KamafileSpace | undefined>;
  /** names lists the spaces that have something to begin with. */
  names(): readonly string[];
}

export interface FreshSpacesOptions {
  readonly bundle: Bundle;
  readonly app: AppIdentity;
  readonly installId: string;
  readonly engine: TemplatingEngine;
  readonly signal: AbortSignal;
}

/** freshSpaces asks an engine for its defaults when they are wanted, and once. @throws Fault template_failed, engine_unavailable */
export function freshSpaces({ bundle, app, installId, engine, signal }: FreshSpacesOptions): FreshSpaces {
  const asked = new Map<string, Promise<KamafileSpace>>();
  const make = async (space: string): Promise<KamafileSpace> => {
    const ktea = kteaOf(bundle, space, app.version);
    return {
      default_vars: ktea ? await engine.defaults(ktea, signal) : {},
      vendor_injection_vars: {},
      user_injection_vars: {},
      user_vars: {},
      prefs: {},
      entries: {
        is_prototype: false,
        app_id: app.id,
        install_id: installId,
        publisher_identifier: app.org,
        app_identifier: app.name,
        status: 'installing',
        kama: { type: 'managed', uri: `${app.org}/${app.name}`, version: app.version },
        ...(ktea ? { ktea } : {}),
      },
    };
  };
  return {
    read: async (space) => {
      if (space !== appSpace && !kteaOf(bundle, space, app.version)) return undefined;
      const known = asked.get(space) ?? make(space);
      asked.set(space, known);
      return known;
    },
    names: () =>
      bundle.spaces().filter((space) => space === appSpace || kteaOf(bundle, space, app.version) !== undefined),
  };
}

/** Engines that are part of the app have its version. */
const ownTypes: readonly unknown[] = ['jinja', 'helm', 'virtual'];

function kteaOf(bundle: Bundle, space: string, appVersion: string): Record<string, unknown> | undefined {
  const [spec] = bundle.query('KteaSpec', { space });
  if (!spec) return undefined;
  const { type, uri, version = ownTypes.includes(type) ? appVersion : undefined, args } = spec.config;
  return { type, uri, ...(version === undefined ? {} : { version }), ...(args === undefined ? {} : { args }) };
}

/** orFresh answers for spaces of which the cluster keeps nothing yet, or nothing but variables. */
export const orFresh = (kamafile: KamafileReader, fresh: FreshSpaces): KamafileReader => ({
  read: async (space) => {
    const held = await kamafile.read(space);
    if (held?.entries['ktea'] !== undefined) return held;
    const begun = await fresh.read(space);
    if (!held || !begun) return held ?? begun;
    const { ktea } = begun.entries;
    const defaults = Object.keys(held.default_vars).length === 0 ? begun.default_vars : held.default_vars;
    return { ...held, default_vars: defaults, entries: { ...held.entries, ...(ktea === undefined ? {} : { ktea }) } };
  },
});
