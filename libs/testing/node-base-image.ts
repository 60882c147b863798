import { execFile } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { copyFile, mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import type Docker from 'dockerode';
import { type ImageConfig, writeImage } from '../../tools/kubelab/image/docker-archive.ts';
import { kamaRootfs } from './kama-rootfs.js';

const run = promisify(execFile);
const projectRoot = resolve(import.meta.dirname, '../..');
const node = join(projectRoot, 'node_modules/node/bin/node');

export const nodeBaseImage = 'nmachine-test/node:24';
const kamaBaseImage = 'nmachine-test/kama:1';
const helmImage = 'nmachine-test/helm:1';
const guestbookImage = 'nmachine/guestbook:1';
const icecreamImage = 'nmachine/icecream:1';

/** buildNodeBaseImage makes an image of this machine's own Node: the binary, the shared libraries that it needs, names of users, certificates. Nothing is pulled. */
export const buildNodeBaseImage = (engine: Docker): Promise<string> =>
  loadImage(engine, nodeBaseImage, putNode, { Cmd: ['node'] });

async function putNode(rootfs: string): Promise<void> {
  await put(node, join(rootfs, 'usr/local/bin/node'));
  const { stdout } = await run('ldd', [node]);
  for (const [, library] of stdout.matchAll(/(?:=> )?(\/\S+) \(0x/g))
    if (library) await put(await realpath(library), join(rootfs, library));
  await put('/etc/ssl/certs/ca-certificates.crt', join(rootfs, 'etc/ssl/certs/ca-certificates.crt')).catch(
    () => undefined,
  );
  await mkdir(join(rootfs, 'etc'), { recursive: true });
  await mkdir(join(rootfs, 'tmp'), { recursive: true });
  await writeFile(
    join(rootfs, 'etc/passwd'),
    'root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/tmp:/sbin/nologin\n',
  );
  await writeFile(join(rootfs, 'etc/group'), 'root:x:0:\nnonroot:x:65532:\n');
}

/** loadImage gives the engine an image of one layer, which `fill` makes. */
async function loadImage(
  engine: Docker,
  tag: string,
  fill: (rootfs: string) => Promise<void>,
  config: ImageConfig = {},
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'nm-node-image-'));
  try {
    const rootfs = join(folder, 'rootfs');
    await mkdir(rootfs);
    await fill(rootfs);
    const archive = join(folder, 'image.tar');
    await writeImage(archive, tag, rootfs, { Env: ['PATH=/usr/local/bin:/usr/bin:/bin'], ...config });
    await finish(engine, await engine.loadImage(createReadStream(archive), { quiet: true }));
    return tag;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** buildImage runs a Dockerfile on a context made of files of the project, by path from its root. */
export async function buildImage(
  engine: Docker,
  options: { tag: string; dockerfile: string; files: readonly string[]; buildargs?: Record<string, string> },
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'nm-context-'));
  try {
    const context = join(folder, 'context.tar');
    await run('tar', ['-cf', context, '--hard-dereference', '-C', projectRoot, options.dockerfile, ...options.files]);
    const { tag, dockerfile, buildargs = {} } = options;
    const progress = await engine.buildImage(createReadStream(context), { t: tag, dockerfile, buildargs, pull: false });
    await finish(engine, progress);
    return tag;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** buildGuestbookImage makes the guestbook's image by its own Dockerfile; the project must have been built. */
export const buildGuestbookImage = (engine: Docker): Promise<string> =>
  buildImage(engine, {
    tag: guestbookImage,
    dockerfile: 'examples/guestbook/Dockerfile',
    files: ['examples/guestbook/package.json', 'node_modules/jose', 'dist/examples/guestbook/src'],
    buildargs: { BASE_IMAGE: nodeBaseImage },
  });

/** buildIcecreamImage makes icecream's image by its own Dockerfile, on what the project's own image has of the KAMA; `helm` is the program. */
export async function buildIcecreamImage(engine: Docker, helm: string): Promise<string> {
  await loadImage(
    engine,
    kamaBaseImage,
    async (rootfs) => {
      await putNode(rootfs);
      await kamaRootfs(rootfs);
    },
    { User: '65532:65532', WorkingDir: '/app' },
  );
  await loadImage(engine, helmImage, (rootfs) => put(helm, join(rootfs, 'usr/bin/helm')));
  return buildImage(engine, {
    tag: icecreamImage,
    dockerfile: 'examples/icecream/Dockerfile',
    files: ['examples/icecream'],
    buildargs: { BASE_IMAGE: kamaBaseImage, HELM_IMAGE: helmImage },
  });
}

async function put(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await copyFile(from, to);
}

/** The engine answers 200 and tells of failure inside the stream. */
function finish(engine: Docker, progress: NodeJS.ReadableStream): Promise<void> {
  return new Promise((resolve, reject) =>
    engine.modem.followProgress(progress as Readable, (error, lines: { error?: string }[]) => {
      const failure = error?.message ?? lines?.find((line) => line.error)?.error;
      if (failure) reject(new Error(failure));
      else resolve();
    }),
  );
}
