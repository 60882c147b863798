import { existsSync } from 'node:fs';
import { chmod, copyFile, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { KubelabError } from '../errors.ts';
import { writeImage } from '../image/docker-archive.ts';
import { withLock } from '../lock.ts';
import { cacheRoot } from '../paths.ts';
import { requireGo } from './find-go.ts';
import type { OnProgress } from './progress.ts';
import { buildKey, HELM, KWOK_STAGES, PROGRAMS } from './recipe.ts';
import { buildProgram, go, type RunGo } from './run-go.ts';

/** A finished build in the cache. */
export interface Build {
  /** Programs by name. */
  readonly bin: string;
  readonly kwokStages: string;
  /** docker-archive of the sandbox image of a real node. */
  readonly pauseImage: string;
}

/** Options of ensureBuilt. */
export interface BuildOptions {
  readonly onProgress?: OnProgress | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly lowPriority?: boolean | undefined;
  readonly helm?: boolean | undefined;
}

/** The build's place in the cache, whether or not it is there yet. */
export function buildDir(): string {
  return join(cacheRoot(), buildKey());
}

/** The finished build, or undefined: never builds, never waits. */
export function cachedBuild(): Build | undefined {
  const dir = buildDir();
  return existsSync(dir) ? layout(dir) : undefined;
}

/**
 * Returns the build, making it first if the cache lacks it (6.5 minutes on two cores the first time, half a minute with a warm Go cache).
 * Two builders don't collide: the second one waits and uses what the first one made. Needs Go only when something is missing.
 * @throws KubelabError when Go is missing or too old, or a compile fails.
 */
export async function ensureBuilt(options: BuildOptions = {}): Promise<Build> {
  assertLinux();
  const complete = () => existsSync(buildDir()) && (!options.helm || existsSync(join(buildDir(), 'bin', HELM.name)));
  if (complete()) return layout(buildDir());
  const onProgress = options.onProgress ?? (() => undefined);
  const run: RunGo = { go: requireGo(), onProgress, signal: options.signal, lowPriority: options.lowPriority };
  await mkdir(cacheRoot(), { recursive: true });
  return withLock(
    `build:${buildDir()}`,
    async () => {
      if (!existsSync(buildDir())) await buildAll(run);
      if (options.helm) await addHelm(run);
      return layout(buildDir());
    },
    {
      onWait: (pid) => onProgress({ state: 'start', step: `waiting for another build (process ${pid})`, seconds: 0 }),
      signal: options.signal,
    },
  );
}

async function buildAll(run: RunGo): Promise<void> {
  const final = buildDir();
  const temporary = `${final}.tmp`;
  // We hold the lock: what is there is the rest of a builder that was killed.
  await rm(temporary, { recursive: true, force: true });
  await mkdir(join(temporary, 'bin'), { recursive: true });
  for (const [index, program] of PROGRAMS.entries()) {
    await buildProgram(program, join(temporary, 'bin'), `${program.name} (${index + 1} of ${PROGRAMS.length})`, run);
  }
  await writeFile(layout(temporary).kwokStages, await kwokStages(run));
  await writePauseImage(temporary);
  await rename(temporary, final);
}

async function kwokStages(run: RunGo): Promise<string> {
  const modules = (await go(['env', 'GOMODCACHE'], {}, 'kwok stages', run)).trim();
  const documents: string[] = [];
  for (const folder of KWOK_STAGES.folders) {
    const path = join(modules, KWOK_STAGES.module, folder);
    const files = (await readdir(path))
      .filter((file) => file.endsWith('.yaml') && file !== 'kustomization.yaml')
      .sort();
    for (const file of files) documents.push(`---\n${await readFile(join(path, file), 'utf8')}`);
  }
  return documents.join('');
}

async function writePauseImage(dir: string): Promise<void> {
  const rootfs = join(dir, 'pause-rootfs');
  await mkdir(rootfs);
  await copyFile(join(dir, 'bin', 'pause'), join(rootfs, 'pause'));
  await chmod(join(rootfs, 'pause'), 0o755);
  await writeImage(layout(dir).pauseImage, 'kubelab.local/pause:1', rootfs, { Entrypoint: ['/pause'] });
  await rm(rootfs, { recursive: true });
}

async function addHelm(run: RunGo): Promise<void> {
  const target = join(buildDir(), 'bin', HELM.name);
  if (existsSync(target)) return;
  const temporary = join(buildDir(), 'helm.tmp');
  await mkdir(temporary, { recursive: true });
  await buildProgram(HELM, temporary, 'helm', run);
  await rename(join(temporary, HELM.name), target);
  await rm(temporary, { recursive: true });
}

function layout(dir: string): Build {
  return { bin: join(dir, 'bin'), kwokStages: join(dir, 'kwok-stages.yaml'), pauseImage: join(dir, 'pause.tar') };
}

function assertLinux(): void {
  // The tether, the locks and the process table are Linux; a real kubelet is as well.
  if (process.platform === 'linux') return;
  throw new KubelabError(
    `kubelab runs on Linux only (this is ${process.platform}): point NM_TEST_KUBECONFIG at a cluster of your own.`,
  );
}
