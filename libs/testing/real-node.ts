import { chmod, copyFile, cp, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { KubeTarget } from '@nm/adapters/k8kat';
import { ensureBuilt } from '../../tools/kubelab/build/ensure-built.ts';
import type { ImageConfig } from '../../tools/kubelab/image/docker-archive.ts';
import { type Cluster, startCluster } from '../../tools/kubelab/kubelab.ts';
import { rootfsOf } from '../../tools/kubelab/testing/machine.ts';
import { targetOf } from './admin-target.js';
import { guestbookRootfs, kamaRootfs } from './kama-rootfs.js';

/** RealNode is a cluster whose one node is a real kubelet: pods run, with logs, exec and a network. One a machine at a time. */
export interface RealNode {
  readonly target: KubeTarget;
  readonly kubeconfigPath: string;
  readonly kubectlPath: string;
  stop(): Promise<void>;
}

/**
 * Image of the machine's own shell, coreutils, tar and curl; with Node; with the tests' templating engine as its entry point; with the built KAMA, helm and the examples;
 * and, under the names that the examples' own values have: the guestbook, and one that waits. None can be pulled.
 */
export const nodeImages = {
  shell: 'nm.test/shell:1',
  node: 'nm.test/node:1',
  engine: 'nm.test/engine:1',
  kama: 'nm.test/kama:1',
  guestbook: 'nmachine/guestbook:1',
  pause: 'registry.k8s.io/pause:3.10',
} as const;

const engines = join(import.meta.dirname, 'engines');
const shellPrograms = [
  'sh',
  'cat',
  'sleep',
  'ls',
  'tar',
  'head',
  'id',
  'stty',
  'curl',
  'env',
  'true',
  'seq',
  'mkdir',
  'ln',
  'echo',
  'tail',
];

/** openRealNode starts the cluster and gives it the images. It ends with this process, if not before. */
export async function openRealNode(images: readonly (keyof typeof nodeImages)[] = ['shell']): Promise<RealNode> {
  await ensureBuilt({ helm: true });
  const home = await mkdtemp(join(tmpdir(), 'nm-node-'));
  const cluster = await startCluster({ name: 'node', mode: 'node', stateDir: join(home, 'c'), ephemeral: true });
  for (const image of images) {
    const programs = shellPrograms.map((program) => `/usr/bin/${program}`);
    await addImage(cluster, image, rootfsOf(join(home, image), programs));
  }
  return {
    target: targetOf(await readFile(cluster.kubeconfigPath, 'utf8')),
    kubeconfigPath: cluster.kubeconfigPath,
    kubectlPath: cluster.kubectlPath,
    stop: async () => {
      await cluster.stop();
      await rm(home, { recursive: true, force: true });
    },
  };
}

async function addImage(cluster: Cluster, image: keyof typeof nodeImages, rootfs: string): Promise<void> {
  await content[image](rootfs, dirname(cluster.kubectlPath));
  // Whoever it runs as may write there.
  await mkdir(join(rootfs, 'tmp'), { recursive: true });
  await chmod(join(rootfs, 'tmp'), 0o777);
  const Env = ['PATH=/usr/local/bin:/usr/bin:/bin', `NODE=${process.execPath}`];
  await cluster.addImage(nodeImages[image], rootfs, { Entrypoint: ['/usr/bin/sh', '-c'], Env, ...entries[image] });
}

/** What each image has besides the shell; the folder of programs is the one beside the cluster's own. */
const content: Record<keyof typeof nodeImages, (rootfs: string, programs: string) => unknown> = {
  shell: () => undefined,
  pause: () => undefined,
  node: (rootfs) => rootfsOf(rootfs, [process.execPath]),
  engine: async (rootfs) => {
    rootfsOf(rootfs, [process.execPath]);
    await cp(engines, join(rootfs, 'engines'), { recursive: true });
  },
  kama: async (rootfs, programs) => {
    rootfsOf(rootfs, [process.execPath]);
    await mkdir(join(rootfs, 'usr/local/bin'), { recursive: true });
    await copyFile(join(programs, 'helm'), join(rootfs, 'usr/local/bin/helm'));
    await kamaRootfs(rootfs, ['icecream', 'guestbook-bundle']);
  },
  guestbook: async (rootfs) => {
    rootfsOf(rootfs, [process.execPath]);
    await guestbookRootfs(rootfs);
  },
};

const entries: Partial<Record<keyof typeof nodeImages, ImageConfig>> = {
  engine: { Entrypoint: [process.execPath, '/engines/engine.mjs'] },
  guestbook: { Entrypoint: [process.execPath, '/app/dist/examples/guestbook/src/main.js'], WorkingDir: '/app' },
  pause: { Entrypoint: ['/usr/bin/sleep', 'infinity'] },
};
