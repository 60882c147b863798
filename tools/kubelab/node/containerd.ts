import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from '../cluster/components.ts';
import { KubelabError } from '../errors.ts';
import { cniFolder } from './requirements.ts';
import { attempt, run } from './run.ts';

/** Folder of everything that belongs to the real node. */
export const nodeDir = (dir: string): string => join(dir, 'node');

/** Address of the node's own containerd; the machine's containerd, if any, is left alone. */
export const socketPath = (dir: string): string => join(nodeDir(dir), 'containerd.sock');

/** Writes the configuration and returns the command. */
export function containerd(dir: string): Command {
  const base = nodeDir(dir);
  // sun_path holds 108 bytes, and containerd puts a suffix behind the name for its ttrpc socket.
  if (Buffer.byteLength(socketPath(dir)) > 96)
    throw new KubelabError(`${base} is too long a path for a socket: set NM_KUBELAB_HOME to a shorter one.`);
  const file = join(base, 'containerd.toml');
  writeFileSync(file, config(base, cniFolder() ?? '/usr/lib/cni'));
  return { program: 'containerd', args: ['-c', file] };
}

// restrict_oom_score_adj: a machine that is itself a container may not lower oom_score_adj, and every sandbox would fail.
// SystemdCgroup = false: works without systemd, on cgroup v1 and v2. The disabled snapshotters only warn or need kernel modules.
const config = (base: string, cni: string): string => `version = 2
root = "${base}/containerd"
state = "${base}/state"
oom_score = 0
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs","io.containerd.snapshotter.v1.zfs","io.containerd.snapshotter.v1.devmapper","io.containerd.snapshotter.v1.aufs"]
[grpc]
  address = "${base}/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "kubelab.local/pause:1"
  restrict_oom_score_adj = true
  disable_apparmor = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "${cni}"
    conf_dir = "${base}/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
`;

const ctrArgs = (dir: string, args: readonly string[]): string[] => ['-a', socketPath(dir), '-n', 'k8s.io', ...args];

/** Runs ctr in the namespace of Kubernetes. @throws KubelabError when it fails. */
export const ctr = (dir: string, ...args: string[]): Promise<string> => run('ctr', ctrArgs(dir, args));

/** As ctr; a failure gives an empty text. */
export const tryCtr = async (dir: string, ...args: string[]): Promise<string> =>
  (await attempt('ctr', ctrArgs(dir, args))).stdout;

/** Whether containerd answers. */
export const isContainerdUp = async (dir: string): Promise<boolean> =>
  (await attempt('ctr', ctrArgs(dir, ['version']))).ok;

/** Makes the images of a docker-archive known to the node; pods use them with `imagePullPolicy: Never` or `IfNotPresent`. */
export async function importImage(dir: string, tar: string): Promise<void> {
  if (!(await isContainerdUp(dir)))
    throw new KubelabError('This cluster has no real node: start it with "up --node" to run images.');
  await ctr(dir, 'images', 'import', tar);
}
