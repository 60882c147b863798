// `npm run fuzz:licensing [-- --cases N] [--seed N]`: decisions against the oracle that is written from docs/guides/access-rules.md alone.
import { registerHooks } from 'node:module';

// The sources import each other as compiled (`.js`) and other libs by alias; Node strips their types as it loads them.
registerHooks({
  resolve: (specifier, context, next) => {
    const lib = /^@nm\/(.*)$/.exec(specifier)?.[1];
    if (lib) return next(new URL(`../../libs/${lib}/index.ts`, import.meta.url).href, context);
    const ours = /^\.{1,2}\/.*\.js$/.test(specifier) && !context.parentURL?.includes('/node_modules/');
    return next(ours ? specifier.replace(/\.js$/, '.ts') : specifier, context);
  },
});
await import('../../libs/kernel/licensing/test/oracle/main.ts');
