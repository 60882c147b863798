import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { isRunning, readState } from '../cluster/state.ts';
import { KubelabError } from '../errors.ts';
import { type ImageConfig, writeImage } from '../image/docker-archive.ts';
import { importImage } from '../node/containerd.ts';
import { clusterDir } from '../paths.ts';

/** `kubelab image import|build` */
export async function image(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { name: { type: 'string', default: 'default' }, out: { type: 'string' } },
  });
  const [what, first, second, third] = positionals;
  if (what === 'import' && first) {
    await importImage(nodeOf(values.name), resolve(first));
    return 0;
  }
  if (what !== 'build' || !first || !second)
    throw new KubelabError('Use: image import TAR, or: image build REF ROOTFS [CONFIG_JSON]', { exitCode: 2 });
  const id = values.out
    ? await writeImage(resolve(values.out), first, second, parseConfig(third))
    : await buildAndImport(nodeOf(values.name), first, second, parseConfig(third));
  process.stdout.write(`${id}\n`);
  return 0;
}

/** Makes an image of `rootfs` and gives it to the real node of the cluster in `dir`; returns the image id. */
export async function buildAndImport(dir: string, ref: string, rootfs: string, config: ImageConfig): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'kubelab-image-'));
  try {
    const tar = join(folder, 'image.tar');
    const id = await writeImage(tar, ref, rootfs, config);
    await importImage(dir, tar);
    return id;
  } finally {
    await rm(folder, { recursive: true });
  }
}

function nodeOf(name: string): string {
  const state = readState(clusterDir(name));
  if (!state || !isRunning(state))
    throw new KubelabError(`The cluster ${name} does not run: start it with "up --node --name ${name}".`, {
      exitCode: 3,
    });
  return state.dir;
}

function parseConfig(text = '{}'): ImageConfig {
  try {
    return JSON.parse(text) as ImageConfig;
  } catch (cause) {
    throw new KubelabError(`The image config is not JSON: ${(cause as Error).message}`, { exitCode: 2, cause });
  }
}
