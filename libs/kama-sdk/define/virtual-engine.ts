import type { TemplatingEngine } from '@nm/adapters/templating';
import { Fault, isFault } from '@nm/kernel/fault';
import type { Bundle } from '../descriptors/bundle.js';
import { modelsOf, type VirtualEngine } from './custom-model.js';

const failed = (what: string, cause?: unknown): Fault =>
  new Fault('template_failed', { public: `The templates of this app failed: ${what}.`, cause });

/** virtualEngine is the engines that an app defines in code (`defineEngine`); the `uri` of a ktea names one. */
export function virtualEngine(bundle: Bundle, release: string): TemplatingEngine {
  const { engines } = modelsOf(bundle);
  const run = async <T>(
    uri: unknown,
    code: (engine: VirtualEngine) => Promise<T> | T,
    signal: AbortSignal,
  ): Promise<T> => {
    const engine = typeof uri === 'string' && Object.hasOwn(engines, uri) ? engines[uri] : undefined;
    if (!engine) throw failed(`there is no virtual engine "${String(uri)}"; defineEngine makes one`);
    try {
      return plain(await orAborted(Promise.resolve(code(engine)), signal));
    } catch (error) {
      if (isFault(error)) throw error;
      throw failed(`the code of engine "${String(uri)}" failed: ${messageOf(error)}`, error);
    }
  };
  return {
    defaults: ({ uri }, signal) => run(uri, async (engine) => objectOf(await engine.defaults(), uri), signal),
    template: ({ uri, version }, values, signal) =>
      run(
        uri,
        async (engine) => {
          const text = version === undefined || version === null ? undefined : String(version);
          const manifests: unknown = await engine.template({ values, release, version: text, signal });
          if (Array.isArray(manifests) && manifests.every(isManifest)) return manifests;
          throw failed(`engine "${String(uri)}" gave no list of manifests`);
        },
        signal,
      ),
    preset: ({ uri }, name, signal) =>
      run(uri, async (engine) => objectOf((await engine.preset?.(name)) ?? {}, uri), signal),
  };
}

const outputCharsMax = 8 * 1024 * 1024;

/** What code gives is data from here on. */
function plain<T>(value: T): T {
  const text = JSON.stringify(value);
  if (text.length > outputCharsMax)
    throw new Fault('template_limit', { public: `The templating engine gave more than ${outputCharsMax} characters.` });
  return JSON.parse(text) as T;
}

function isManifest(value: unknown): value is Record<string, unknown> {
  const { apiVersion, kind, metadata } = (value ?? {}) as Record<string, unknown>;
  return typeof apiVersion === 'string' && typeof kind === 'string' && typeof metadata === 'object';
}

function objectOf(value: unknown, uri: unknown): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw failed(`engine "${String(uri)}" gave no object of values`);
}

/** Code that waits for ever is left alone; the request is not. */
function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const givenUp = (): void =>
      reject(
        new Fault('template_limit', {
          public: 'The templating engine was stopped: the request was given up, or its time was over.',
        }),
      );
    if (signal.aborted) return givenUp();
    signal.addEventListener('abort', givenUp, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', givenUp));
  });
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error)).slice(0, 500);
