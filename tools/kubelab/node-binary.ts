import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { KubelabError } from './errors.ts';

/** A Node that runs TypeScript files directly: this one, else the project's own (package `node`). */
export function nodeBinary(): string {
  if (process.features.typescript) return process.execPath;
  try {
    const path = join(dirname(createRequire(import.meta.url).resolve('node/package.json')), 'bin', 'node');
    if (existsSync(path)) return path;
  } catch {
    // Not installed.
  }
  throw new KubelabError(
    `kubelab needs Node 24 (this is ${process.version}): run it with "npm run kubelab --", after npm install.`,
  );
}
