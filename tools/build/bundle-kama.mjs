// After `nest build`: dist/apps/kama/bundle, the KAMA server as a few files instead of 1,700. Each file that Node finds, reads and links costs a start as much as
// its code does, and a KAMA starts while somebody waits (docs/adr/0021-kama-is-bundled.md).
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { builtinsByName, lazyIndexes, looseSchemas, partsOnDemand, withoutEffects } from './lean-modules.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
/** CommonJS within the bundle asks for these. */
const banner = `import { createRequire as requireOf } from 'node:module';
const require = requireOf(import.meta.url), __filename = import.meta.filename, __dirname = import.meta.dirname;`;

const outdir = `${root}dist/apps/kama/bundle`;
rmSync(outdir, { recursive: true, force: true });
await build({
  absWorkingDir: root,
  entryPoints: {
    run: 'dist/apps/kama/src/commands/run.js',
    report: 'dist/apps/kama/src/commands/report.js',
    // What models of a publisher import is what the server has loaded already: apps/kama/src/same-modules.ts.
    define: 'dist/libs/kama-sdk/define/index.js',
    zod: 'node_modules/zod/index.js',
    'template-worker': 'dist/libs/adapters/templating/template-worker.js',
    'compile-worker': 'dist/libs/kama-sdk/compile/compile-worker.js',
  },
  outdir,
  bundle: true,
  splitting: true,
  platform: 'node',
  format: 'esm',
  target: 'node24',
  chunkNames: 'part-[hash]',
  minifyWhitespace: true,
  minifySyntax: true,
  legalComments: 'none',
  logLevel: 'warning',
  // The paths of tsconfig.json lead to the sources.
  tsconfigRaw: {},
  plugins: [builtinsByName, partsOnDemand, withoutEffects, lazyIndexes, looseSchemas],
  banner: { js: banner },
  // Files beside these, or packages that Nest and Fastify ask for only when they are used.
  external: [
    ...['jq-wasm', 'minijinja-js', 'pino-pretty'],
    ...['@opentelemetry/sdk-trace', '@opentelemetry/exporter-trace-otlp-http', '@opentelemetry/resources'],
    ...['@nestjs/microservices', '@nestjs/microservices/*', '@nestjs/websockets', '@nestjs/websockets/*'],
    ...['@nestjs/platform-express', 'class-validator', 'class-transformer', 'class-transformer/*', 'file-type'],
    ...['@fastify/view', '@fastify/static', '@fastify/multipart', '@fastify/cors'],
  ],
});

/** A run of it leaves what V8 compiled beside it (apps/kama/src/main.ts), for the first start of every container that is made of this build. */
const child = spawn(
  process.execPath,
  ['dist/apps/kama/src/main.js', 'serve', 'examples/guestbook-bundle', '--prototype', '--port', '0'],
  { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] },
);
const ended = once(child, 'exit');
let said = '';
for await (const text of child.stdout) {
  said += text;
  const [url] = /http:\S+(?=\/api\/status)/.exec(said) ?? [];
  if (url === undefined) continue;
  for (const path of ['/api/ping', '/api/status', '/api/variables/all', '/api/operations'])
    if (!(await fetch(url + path)).ok) throw new Error(`the bundled KAMA does not answer ${path}`);
  child.kill('SIGTERM');
  break;
}
const [code] = await ended;
if (code !== 0) throw new Error(`the bundled KAMA ended with ${code}`);
