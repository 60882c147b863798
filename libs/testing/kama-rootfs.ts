import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

const projectRoot = resolve(import.meta.dirname, '../..');
/** What the KAMA's server loads; with what these want, in turn. */
const loaded = [
  ...['@bufbuild/re2', '@nestjs/common', '@nestjs/core', '@nestjs/platform-fastify', '@opentelemetry/api'],
  ...['@opentelemetry/exporter-trace-otlp-http', '@opentelemetry/resources', '@opentelemetry/sdk-trace', 'ipaddr.js'],
  ...['jose', 'jq-wasm', 'lru-cache', 'minijinja-js', 'pino', 'prom-client', 'reflect-metadata', 'rxjs', 'tar-stream'],
  ...['undici', 'ws', 'yaml', 'zod'],
];
const built = ['apps/kama', 'libs/adapters', 'libs/features', 'libs/kama-sdk', 'libs/kernel', 'examples/icecream'];

/** What only editors, bundlers and their authors read, and what other processes write at their end. */
const left = [
  '*.ts',
  '*.mts',
  '*.cts',
  '*.map',
  '*.md',
  'dist/apps/kama/bundle/compiled',
  ...['test', 'tests', 'docs'].map((each) => `node_modules/*/${each}`),
];

/** kamaRootfs puts what the project's own image has of the KAMA's server under `/app` of a root file system. The project must have been built. */
export async function kamaRootfs(rootfs: string, examples: readonly string[] = []): Promise<void> {
  const files = ['package.json', ...built.map((each) => `dist/${each}`), ...examples.map((each) => `examples/${each}`)];
  await copyProject(rootfs, [...files, ...(await packages())]);
}

/** guestbookRootfs puts the guestbook there, which needs little. */
export const guestbookRootfs = (rootfs: string): Promise<void> =>
  copyProject(rootfs, ['package.json', 'dist/examples/guestbook', 'node_modules/jose']);

async function copyProject(rootfs: string, files: readonly string[]): Promise<void> {
  const archive = `${rootfs}.app.tar`;
  await mkdir(join(rootfs, 'app'), { recursive: true });
  const excludes = left.map((pattern) => `--exclude=${pattern}`);
  await run('tar', ['-cf', archive, ...excludes, '-C', projectRoot, ...files]);
  await run('tar', ['-xf', archive, '--no-same-owner', '-C', join(rootfs, 'app')]);
  await rm(archive);
}

async function packages(): Promise<readonly string[]> {
  const found = new Set<string>();
  const add = async (name: string, from: string): Promise<void> => {
    const at = nearest(name, from);
    if (at === undefined || found.has(at)) return;
    found.add(at);
    const text = await readFile(join(projectRoot, at, 'package.json'), 'utf8');
    const { dependencies = {}, optionalDependencies = {} } = JSON.parse(text) as Record<string, object>;
    for (const each of Object.keys({ ...dependencies, ...optionalDependencies })) await add(each, at);
  };
  for (const name of loaded) await add(name, '');
  // A package within another comes with it.
  return [...found].filter((each) => each.lastIndexOf('node_modules/') === 0);
}

/** As Node looks for it: below the package that wants it, then below each that this one is in. */
function nearest(name: string, from: string): string | undefined {
  for (let at = from; ; at = at.includes('/node_modules/') ? at.slice(0, at.lastIndexOf('/node_modules/')) : '') {
    const candidate = at === '' ? `node_modules/${name}` : `${at}/node_modules/${name}`;
    if (existsSync(join(projectRoot, candidate, 'package.json'))) return candidate;
    if (at === '') return undefined;
  }
}
