import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { busyPorts } from '../cluster/ports.ts';
import { KubelabError } from '../errors.ts';
import { systemPath } from '../paths.ts';
import { isAlive } from '../process-ref.ts';
import { readUndoRecord } from './undo-record.ts';

/** Programs of Debian that a real node runs on, with the package that has them. */
const PROGRAMS: Readonly<Record<string, string>> = {
  containerd: 'containerd',
  ctr: 'containerd',
  runc: 'runc',
  iptables: 'iptables',
  'iptables-save': 'iptables',
  ip: 'iproute2',
  conntrack: 'conntrack',
  umount: 'mount',
};
// Debian's place first, then that of other distributions.
const CNI_FOLDERS = ['/usr/lib/cni', '/opt/cni/bin'];
/** kubelet, its health check, kube-proxy's metrics and health check: fixed, so one real node per machine. */
const FIXED_PORTS = [10250, 10248, 10249, 10256];

/** Folder of the CNI plugins, or undefined. */
export function cniFolder(): string | undefined {
  return CNI_FOLDERS.find((folder) => existsSync(join(folder, 'bridge')) && existsSync(join(folder, 'portmap')));
}

/** Debian packages that a real node still needs here. */
export function missingPackages(folders: readonly string[] = systemPath().split(delimiter)): string[] {
  const found = (program: string) => folders.some((folder) => existsSync(join(folder, program)));
  const missing = Object.entries(PROGRAMS).flatMap(([program, pkg]) => (found(program) ? [] : [pkg]));
  if (!cniFolder()) missing.push('containernetworking-plugins');
  return [...new Set(missing)];
}

/** @throws KubelabError with the remedy when a real node cannot run here. */
export async function requireNodeSupport(): Promise<void> {
  if (process.getuid?.() !== 0) {
    throw new KubelabError(
      'A real node (--node) needs root: it makes containers, a bridge and iptables rules. Without --node no root is needed.',
    );
  }
  const missing = missingPackages();
  if (missing.length > 0)
    throw new KubelabError(
      `A real node (--node) needs packages that are missing: apt-get install -y ${missing.join(' ')}`,
    );
  const running = readUndoRecord();
  if (running && isAlive(running.supervisor)) {
    throw new KubelabError(
      `A real node runs already (${running.dir}), and a machine can have only one: stop it with "down".`,
    );
  }
  const busy = await busyPorts(FIXED_PORTS);
  if (busy.length > 0) {
    throw new KubelabError(
      `A real node (--node) needs port ${busy.join(', ')}, which is in use: only one kubelet runs on a machine.`,
    );
  }
}
