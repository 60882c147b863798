import { registerHooks } from 'node:module';

const define = '@nm/kama-sdk/define';

/**
 * sameModules makes what a publisher's models import (`@nm/kama-sdk/define`, `zod`) the modules of the bundled server: nothing is loaded twice, and a folder
 * without packages of its own finds both. Another release of zod, installed beside the models, stays theirs.
 */
export function sameModules(bundle: URL): void {
  const [ours, zod] = [new URL('define.js', bundle).href, new URL('zod.js', bundle).href];
  const twins = new Map([
    [new URL('../../../libs/kama-sdk/define/index.js', bundle).href, ours],
    [new URL('../../../../node_modules/zod/index.js', bundle).href, zod],
  ]);
  registerHooks({
    resolve: (specifier, context, next) => {
      if (specifier === define) return { url: ours, format: 'module', shortCircuit: true };
      try {
        const found = next(specifier, context);
        const twin = twins.get(found.url);
        return twin === undefined ? found : { ...found, url: twin };
      } catch (error) {
        if (specifier !== 'zod') throw error;
        return { url: zod, format: 'module', shortCircuit: true };
      }
    },
  });
}
