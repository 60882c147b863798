// What a start of the bundled KAMA does not need is not evaluated at a start (docs/adr/0021-kama-is-bundled.md): plugins for esbuild that change how modules are
// written, never what they do.
import { readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const packages = fileURLToPath(new URL('../../node_modules', import.meta.url));
const builtin = new Set(builtinModules.flatMap((name) => [name, `node:${name}`]));

/** Imported, a built-in module has all its getters called, and one of `node:http` loads a whole HTTP client; so they are fetched instead. */
export const builtinsByName = {
  name: 'builtins by name',
  setup: ({ onResolve, onLoad }) => {
    onResolve({ filter: /^[a-z0-9_:/]+$/ }, ({ path }) =>
      builtin.has(path) ? { path, namespace: 'builtin', sideEffects: false } : undefined,
    );
    onLoad({ filter: /.*/, namespace: 'builtin' }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule(${JSON.stringify(path)});`,
      loader: 'js',
    }));
  },
};

/** Members by the files that make them, of packages whose index evaluates much more: fetch, caches and mocks of undici, the server and the streams of ws. */
const parts = {
  undici: {
    Agent: 'lib/dispatcher/agent.js',
    Pool: 'lib/dispatcher/pool.js',
    buildConnector: 'lib/core/connect.js',
  },
  ws: { WebSocket: 'lib/websocket.js' },
};

/** What is imported of those packages is required when it is used first; members that are not named above come with the whole of their package. */
export const partsOnDemand = {
  name: 'parts on demand',
  setup: ({ onResolve, onLoad }) => {
    onResolve({ filter: /^(undici|ws)$/ }, ({ path, kind }) =>
      kind === 'import-statement' ? { path, namespace: 'parts' } : undefined,
    );
    onLoad({ filter: /.*/, namespace: 'parts' }, async ({ path }) => ({
      contents: Object.keys(await import(path))
        .map((name) => {
          const place = parts[path][name];
          const part = place ? `require('${packages}/${path}/${place}')` : `require('${packages}/${path}').${name}`;
          return `Object.defineProperty(exports, '${name}', { enumerable: true, get: () => ${part} });`;
        })
        .join('\n'),
      resolveDir: packages,
      loader: 'js',
    }));
  },
};

/** Our libraries do nothing by being imported, and neither do these, so what nobody uses of them is left out. */
export const withoutEffects = {
  name: 'without effects',
  setup: (build) => {
    const settled = Symbol('settled');
    build.onResolve({ filter: /^(\.|prom-client$|@opentelemetry\/api$)/ }, async ({ path, pluginData, ...where }) => {
      if (pluginData === settled || (path.startsWith('.') && !/\/dist\/(libs|apps\/kama)\//.test(where.importer)))
        return undefined;
      const found = await build.resolve(path, { ...where, pluginData: settled });
      return /\/dist\/libs\/|\/node_modules\/(prom-client|@opentelemetry)\//.test(found.path)
        ? { ...found, sideEffects: false }
        : found;
    });
  },
};

/** Indexes of rxjs as TypeScript writes them: `var a_1 = require("./a")`, then getters that read `a_1.b`. Here the getters require. */
export const lazyIndexes = {
  name: 'lazy indexes',
  setup: ({ onLoad }) => {
    onLoad({ filter: /node_modules\/rxjs\/dist\/cjs\/(operators\/)?index\.js$/ }, ({ path }) => {
      const text = readFileSync(path, 'utf8');
      const required = new Map(
        [...text.matchAll(/^var (\w+) = (require\("[^"]+"\));$/gm)].map(([, name, call]) => [name, call]),
      );
      const contents = text
        .replace(/^var \w+ = require\("[^"]+"\);$/gm, '')
        .replace(/\b(\w+_\d+)\.(?=\w)/g, (all, name) => (required.has(name) ? `${required.get(name)}.` : all));
      return { contents, loader: 'js' };
    });
  },
};

/** A schema that nobody imports may go: esbuild cannot know that making one changes nothing. */
export const looseSchemas = {
  name: 'loose schemas',
  setup: ({ onLoad }) => {
    onLoad({ filter: /\/dist\/libs\/(kernel|adapters|kama-sdk)\/.*\.js$/ }, ({ path }) => ({
      contents: loosened(readFileSync(path, 'utf8')),
      loader: 'js',
    }));
  },
};

/** Wraps what module-level constants are made of by calls on `z` into functions that are marked as free of effects. */
function loosened(text) {
  const { statements } = ts.createSourceFile('m.js', text, ts.ScriptTarget.Latest);
  const made = statements
    .filter(ts.isVariableStatement)
    .flatMap(({ declarationList }) => declarationList.declarations)
    .flatMap(({ initializer }) =>
      initializer && ts.isCallExpression(initializer) && rootOf(initializer) === 'z' ? [initializer] : [],
    );
  return made.reduceRight(
    (changed, { pos, end }) =>
      `${changed.slice(0, pos)} /* @__PURE__ */ (() => (${changed.slice(pos, end)}))()${changed.slice(end)}`,
    text,
  );
}

function rootOf(node) {
  if (ts.isIdentifier(node)) return node.text;
  return ts.isCallExpression(node) || ts.isPropertyAccessExpression(node) ? rootOf(node.expression) : undefined;
}
