import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { KubelabError } from '../errors.ts';
import { TOOL_DIR } from '../paths.ts';

/** A usable Go tool. */
export interface Go {
  readonly path: string;
  readonly version: string;
}

/** A Go that can build the cluster, or one sentence that says what is missing and what to do. */
export type GoSearch = { readonly go: Go } | { readonly problem: string };

/** The lowest Go that go.mod accepts, for example `1.26.0`. */
export function requiredGo(goMod = readFileSync(join(TOOL_DIR, 'go', 'go.mod'), 'utf8')): string {
  const version = /^go (\S+)$/m.exec(goMod)?.[1];
  if (!version) throw new Error('go.mod has no go line');
  return version;
}

/** Looks for Go on the PATH, then where the official archive puts it. */
export function findGo(env: NodeJS.ProcessEnv = process.env, usualFolder = '/usr/local/go/bin'): GoSearch {
  const required = requiredGo();
  const remedy = `Install Go ${required} or newer (https://go.dev/dl) and put it on the PATH, or point NM_TEST_KUBECONFIG at a cluster of your own.`;
  const folders = [...(env['PATH'] ?? '').split(delimiter), usualFolder].filter(Boolean);
  let tooOld: string | undefined;
  for (const path of new Set(folders.map((folder) => join(folder, 'go')))) {
    if (!existsSync(path)) continue;
    // GOTOOLCHAIN=local: report what is installed and never download another Go.
    const run = spawnSync(path, ['env', 'GOVERSION'], {
      env: { ...env, GOTOOLCHAIN: 'local', GOWORK: 'off' },
      encoding: 'utf8',
      cwd: '/',
    });
    const version = /^go(\d+\.\d+(?:\.\d+)?)/.exec(run.stdout ?? '')?.[1];
    if (!version) continue;
    if (atLeast(version, required)) return { go: { path, version } };
    tooOld ??= version;
  }
  return { problem: tooOld ? `Go ${tooOld} is too old to build Kubernetes. ${remedy}` : `Go was not found. ${remedy}` };
}

/** As findGo. @throws KubelabError with the sentence when there is no usable Go. */
export function requireGo(): Go {
  const found = findGo();
  if ('problem' in found) throw new KubelabError(found.problem);
  return found.go;
}

function atLeast(version: string, required: string): boolean {
  const [a, b] = [version, required].map((text) => text.split('.').map(Number));
  for (let i = 0; i < 3; i++) {
    const difference = (a?.[i] ?? 0) - (b?.[i] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}
