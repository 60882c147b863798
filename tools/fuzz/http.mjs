// `npm run fuzz:http [-- --seconds 20 | --cases N] [--seed N]`: the gateway's parser against Node's own and the reference parser.
import { registerHooks } from 'node:module';

// The sources import each other as compiled (`.js`); Node strips their types as it loads them.
registerHooks({
  resolve: (specifier, context, next) =>
    next(/^\.{1,2}\/.*\.js$/.test(specifier) ? specifier.replace(/\.js$/, '.ts') : specifier, context),
});
await import('../../libs/adapters/proxy/test/fuzz/main.ts');
