import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { CompileOptions } from '@nm/kama-sdk';
import { Fault } from '@nm/kernel/fault';

type Models = NonNullable<CompileOptions['models']>;

/**
 * loadModels imports the module of a publisher's own kinds (its export `models`): code, so only ever in the publisher's own container.
 * @throws Fault bundle_invalid when there is no such module, or it exports none
 */
export async function loadModels(file: string): Promise<Models> {
  const path = resolve(file);
  const module = (await import(pathToFileURL(path).href).catch((cause: unknown) => {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Fault('bundle_invalid', { public: `The models in ${file} cannot be loaded: ${why}`, cause });
  })) as { readonly models?: unknown };
  const { models } = module;
  if (Array.isArray(models)) return models as Models;
  throw new Fault('bundle_invalid', {
    public: `${file} must export "models": a list of what defineSupplier and the like give.`,
  });
}
