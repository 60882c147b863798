import { existsSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { dirname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { CompileOptions, Finding } from '@nm/kama-sdk';
import { Fault } from '@nm/kernel/fault';
import { sameModules } from '../same-modules.js';
import { placeOfError } from './place-of-error.js';

type Models = NonNullable<CompileOptions['models']>;

/**
 * modelsLoader gives what imports the module of a publisher's own kinds (its export `models`), anew each time, with whatever it imports of its own folder;
 * without a file there are none. It is code, so only ever in the publisher's own container.
 * @throws Fault bundle_invalid within the loader: there is no such module, it fails, or it exports no models
 */
export function modelsLoader(file: string | undefined): () => Promise<Models> {
  if (file === undefined) return () => Promise.resolve([]);
  // Not before: with hooks, the server's own modules are found more slowly.
  const here = new URL('.', import.meta.url);
  if (existsSync(new URL('define.js', here))) sameModules(here);
  const { href } = pathToFileURL(resolve(file));
  const folder = `${pathToFileURL(dirname(resolve(file))).href}/`;
  let round = 0;
  return () => {
    if (round++ === 0) return importModels(file, href);
    if (round === 2) reloadBelow(folder);
    return importModels(file, `${href}?${again}=${round}`);
  };
}

const again = 'nm-again';

/** What a module that is loaded again imports of its own folder is loaded again too: Node keeps modules by their URLs. */
function reloadBelow(folder: string): void {
  registerHooks({
    resolve: (specifier, context, next) => {
      const found = next(specifier, context);
      const parent = context.parentURL ?? '';
      const query = parent.startsWith(folder) ? (parent.split('?')[1] ?? '') : '';
      const ours = found.url.startsWith(folder) && !found.url.includes('/node_modules/') && !found.url.includes('?');
      return ours && query.startsWith(again) ? { ...found, url: `${found.url}?${query}` } : found;
    },
  });
}

async function importModels(file: string, href: string): Promise<Models> {
  const module = (await import(href).catch((cause: unknown) => cannotLoad(file, cause))) as {
    readonly models?: unknown;
  };
  const { models } = module;
  if (Array.isArray(models)) return models as Models;
  throw new Fault('bundle_invalid', {
    public: `${file} must export "models": a list of what defineSupplier and the like give.`,
  });
}

async function cannotLoad(file: string, cause: unknown): Promise<never> {
  const message = cause instanceof Error ? cause.message : String(cause);
  const place = await placeOfError(cause, dirname(resolve(file)));
  const findings: Finding[] = place ? [{ ...place, severity: 'error', code: 'models_failed', message }] : [];
  throw new Fault('bundle_invalid', {
    public: `The models in ${file} cannot be loaded: ${message}`,
    cause,
    extra: { findings },
  });
}
