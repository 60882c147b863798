import { Fault } from '@nm/kernel/fault';

/** Ktea names a templating engine: `type`, `uri`, `version`, `args`. */
export type Ktea = Readonly<Record<string, unknown>>;
export type Values = Readonly<Record<string, unknown>>;
/** A Kubernetes object as JSON. */
export type Manifest = Readonly<Record<string, unknown>>;

/** TemplatingEngine turns values into manifests (KTEA). Every call ends: when its own bounds are reached, or with the signal. */
export interface TemplatingEngine {
  /** defaults are the variables of the lowest level. @throws Fault template_failed, template_limit, engine_unavailable */
  defaults(ktea: Ktea, signal: AbortSignal): Promise<Values>;
  template(ktea: Ktea, values: Values, signal: AbortSignal): Promise<readonly Manifest[]>;
  /** preset gives the assignments of a preset that the engine knows. */
  preset?(ktea: Ktea, name: string, signal: AbortSignal): Promise<Values>;
}

/** enginesByType is the engine that a `ktea` asks for by its type. */
export function enginesByType(engines: Readonly<Record<string, TemplatingEngine>>): TemplatingEngine {
  const of = ({ type }: Ktea): TemplatingEngine => {
    const name = String(type ?? '');
    const engine = Object.hasOwn(engines, name) ? engines[name] : undefined;
    if (engine) return engine;
    const known = Object.keys(engines).map((each) => `"${each}"`);
    throw engineFailed(`engines of type "${name}" cannot be reached from here; this server knows ${known.join(', ')}`);
  };
  return {
    defaults: async (ktea, signal) => of(ktea).defaults(ktea, signal),
    template: async (ktea, values, signal) => of(ktea).template(ktea, values, signal),
    preset: async (ktea, name, signal) => {
      const { preset } = of(ktea);
      if (!preset) throw engineFailed(`engines of type "${String(ktea['type'])}" have no presets`);
      return preset(ktea, name, signal);
    },
  };
}

/** engineFailed is a failure that the author of the templates has to mend. */
export const engineFailed = (what: string, cause?: unknown): Fault =>
  new Fault('template_failed', { public: `The templates of this app failed: ${what}.`, cause });

/** engineLimit is a bound that was reached. */
export const engineLimit = (what: string): Fault =>
  new Fault('template_limit', { public: `The templating engine was stopped: ${what}.` });

/** engineUnavailable says that there was no answer: trying again may help. */
export const engineUnavailable = (what: string, cause?: unknown): Fault =>
  new Fault('engine_unavailable', { public: `The templating engine cannot be used right now: ${what}.`, cause });

/** uriOf is the `uri` of a ktea. @throws Fault template_failed */
export function uriOf({ type, uri }: Ktea): string {
  if (typeof uri === 'string' && uri !== '') return uri;
  throw engineFailed(`the engine of type "${String(type)}" has no "uri"`);
}

/** versionOf is the `version` of a ktea; undefined when it has none. */
export const versionOf = ({ version }: Ktea): string | undefined =>
  version === undefined || version === null || version === '' ? undefined : String(version);

const argsMax = 50;

/** argsOf are the extra words of a ktea: a list, or a line that is split at spaces. @throws Fault template_failed */
export function argsOf({ args }: Ktea): readonly string[] {
  const words = typeof args === 'string' ? args.split(/\s+/).filter((word) => word !== '') : (args ?? []);
  if (!Array.isArray(words) || words.length > argsMax || !words.every((word) => typeof word === 'string'))
    throw engineFailed(`"args" of the engine must be text, or a list of at most ${argsMax} words`);
  return words as string[];
}
