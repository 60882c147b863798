import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { readdir, rmdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { NODE_IP } from '../cluster/components.ts';
import { waitUntil } from '../cluster/wait.ts';
import { systemPath } from '../paths.ts';
import { isContainerdUp, nodeDir, tryCtr } from './containerd.ts';
import { removeNewChains } from './iptables.ts';
import { BRIDGE } from './kubelet.ts';
import { killLeftoverShims } from './leftover-shims.ts';
import { attempt } from './run.ts';
import { restoreSysctls } from './sysctls.ts';
import type { UndoRecord } from './undo-record.ts';

/** Kills and removes every container of the node, with its network namespace. Needs containerd. */
export async function removePods(dir: string): Promise<void> {
  const lines = async (...args: string[]) => (await tryCtr(dir, ...args)).split('\n').filter(Boolean);
  const containers = await lines('containers', 'ls', '-q');
  const namespaces = new Set<string>();
  for (const id of containers) {
    for (const path of (await tryCtr(dir, 'containers', 'info', id)).match(/\/var\/run\/netns\/cni-[0-9a-f-]+/g) ?? [])
      namespaces.add(basename(path));
  }
  await Promise.all((await lines('tasks', 'ls', '-q')).map((id) => tryCtr(dir, 'tasks', 'kill', '-s', 'SIGKILL', id)));
  for (let round = 0; round < 20; round++) {
    const tasks = await lines('tasks', 'ls', '-q');
    if (tasks.length === 0) break;
    await Promise.all(tasks.map((id) => tryCtr(dir, 'tasks', 'rm', '-f', id)));
    await sleep(100);
  }
  await Promise.all(containers.map((id) => tryCtr(dir, 'containers', 'rm', id)));
  // Takes the veth pairs with it.
  for (const name of namespaces) await attempt('ip', ['netns', 'del', name]);
}

/** Runs `work` with a containerd of the node's own folder: it knows the containers of the one that was killed. */
export async function withContainerd(dir: string, work: () => Promise<void>): Promise<void> {
  const config = join(nodeDir(dir), 'containerd.toml');
  if (!existsSync(config)) return;
  const child = spawn('containerd', ['-c', config], { stdio: 'ignore', env: { ...process.env, PATH: systemPath() } });
  const ended = new Promise((resolve) => child.once('exit', resolve).once('error', resolve));
  try {
    await waitUntil('containerd', () => isContainerdUp(dir), AbortSignal.timeout(15_000), 15_000);
    await work();
  } finally {
    child.kill('SIGTERM');
    await Promise.race([ended, sleep(5_000, undefined, { ref: false })]);
    child.kill('SIGKILL');
  }
}

/** Takes back what the node changed on the machine: mounts, bridge, address, iptables chains, cgroups, kernel settings. Safe to repeat. */
export async function undoMachine(record: UndoRecord): Promise<void> {
  await killLeftoverShims(record.dir);
  // Deepest first; lazy, because a process that is just ending may still hold one.
  for (const mount of mountsBelow(record.dir).sort().reverse()) await attempt('umount', ['-l', mount]);
  await attempt('ip', ['link', 'del', BRIDGE]);
  await attempt('ip', ['addr', 'del', `${NODE_IP}/32`, 'dev', 'lo']);
  await removeNewChains(record.chains);
  for (let round = 0; round < 20 && !(await removeCgroups()); round++) await sleep(100);
  restoreSysctls(record.sysctls);
}

function mountsBelow(dir: string): string[] {
  return readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) =>
      (line.split(' ')[1] ?? '').replace(/\\(\d{3})/g, (_, octal: string) =>
        String.fromCharCode(Number.parseInt(octal, 8)),
      ),
    )
    .filter((path) => path.startsWith(`${dir}/`));
}

/** The kubelet's cgroups: in every hierarchy (v1: one folder each; v2: the root itself). */
export function currentCgroups(): string[] {
  const root = '/sys/fs/cgroup';
  if (!existsSync(root)) return [];
  const folders = readdirSync(root, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return [root, ...folders.map(({ name }) => join(root, name))]
    .map((folder) => join(folder, 'kubepods'))
    .filter((folder) => existsSync(folder));
}

/** True when none is left: a cgroup goes only after its last process. */
async function removeCgroups(): Promise<boolean> {
  return (await Promise.all(currentCgroups().map(removeCgroup))).every(Boolean);
}

async function removeCgroup(folder: string): Promise<boolean> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) if (entry.isDirectory()) await removeCgroup(join(folder, entry.name));
  return rmdir(folder).then(
    () => true,
    () => false,
  );
}
