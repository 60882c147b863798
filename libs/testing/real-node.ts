import { chmod, cp, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KubeTarget } from '@nm/adapters/k8kat';
import { ensureBuilt } from '../../tools/kubelab/build/ensure-built.ts';
import { type Cluster, startCluster } from '../../tools/kubelab/kubelab.ts';
import { rootfsOf } from '../../tools/kubelab/testing/machine.ts';
import { targetOf } from './admin-target.js';

/** RealNode is a cluster whose one node is a real kubelet: pods run, with logs, exec and a network. One a machine at a time. */
export interface RealNode {
  readonly target: KubeTarget;
  readonly kubeconfigPath: string;
  readonly kubectlPath: string;
  stop(): Promise<void>;
}

/** Image of the machine's own shell, coreutils, tar and curl; with Node; with the tests' templating engine as its entry point. None can be pulled. */
export const nodeImages = { shell: 'nm.test/shell:1', node: 'nm.test/node:1', engine: 'nm.test/engine:1' } as const;

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
  const shell = rootfsOf(
    join(home, 'shell'),
    shellPrograms.map((program) => `/usr/bin/${program}`),
  );
  for (const image of images) await addImage(cluster, image, shell);
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
  if (image !== 'shell') rootfsOf(rootfs, [process.execPath]);
  if (image === 'engine') await cp(engines, join(rootfs, 'engines'), { recursive: true });
  // Whoever it runs as may write there.
  await mkdir(join(rootfs, 'tmp'), { recursive: true, mode: 0o777 });
  await chmod(join(rootfs, 'tmp'), 0o777);
  const env = ['PATH=/usr/bin:/bin', `NODE=${process.execPath}`];
  const entry = image === 'engine' ? [process.execPath, '/engines/engine.mjs'] : ['/usr/bin/sh', '-c'];
  await cluster.addImage(nodeImages[image], rootfs, { Entrypoint: entry, Env: env });
}
