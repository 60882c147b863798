import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { describe } from 'vitest';

export type Need =
  | 'redis'
  | 'docker'
  | 'kubernetes'
  | 'kubelet'
  | 'nginx'
  | 'chromium'
  | 'compose'
  | 'python'
  | 'prometheus';

const remedies: Record<Need, string> = {
  redis: 'install redis-server',
  docker: 'install docker.io (the tests start dockerd themselves, as root)',
  kubernetes: 'install Go ≥ 1.26 (kubelab builds a cluster), or set NM_TEST_KUBECONFIG',
  kubelet: 'be root, with Go ≥ 1.26, containerd, runc and containernetworking-plugins installed',
  nginx: 'install nginx',
  chromium: 'install chromium',
  prometheus: 'install prometheus',
  python: 'install python3 and python3-cryptography',
  compose: 'install docker.io, docker-compose, postgresql and redis-server, and be root',
};

const runs = (command: string, ...args: string[]): boolean => {
  try {
    execFileSync(command, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};
const onPath = (command: string): boolean => runs('sh', '-c', `command -v ${command}`);
const root = (): boolean => process.getuid?.() === 0;

const probes: Record<Need, () => boolean> = {
  redis: () => onPath('redis-server'),
  docker: () => (onPath('dockerd') && root()) || existsSync('/var/run/docker.sock'),
  kubernetes: () => process.env['NM_TEST_KUBECONFIG'] !== undefined || onPath('go'),
  kubelet: () => root() && onPath('go') && onPath('containerd') && onPath('runc') && existsSync('/usr/lib/cni/bridge'),
  nginx: () => onPath('nginx') || existsSync('/usr/sbin/nginx'),
  chromium: () => onPath('chromium'),
  prometheus: () => onPath('prometheus'),
  python: () => runs('python3', '-c', 'import cryptography'),
  compose: () =>
    onPath('dockerd') &&
    root() &&
    onPath('redis-server') &&
    existsSync('/usr/lib/postgresql') &&
    onPath('docker-compose'),
};

/** missing gives the remedy for the first need that is not met here. */
export function missing(...needs: Need[]): string | undefined {
  const absent = needs.find((need) => !probes[need]());
  return absent && `needs ${absent}: ${remedies[absent]}`;
}

/**
 * describeWith runs a suite when its needs are met; otherwise it is skipped under a name that says what would enable it.
 * In CI nothing may be missing: there the suite fails instead.
 */
export function describeWith(needs: Need[], name: string, suite: () => void): void {
  const reason = missing(...needs);
  if (!reason) return void describe(name, suite);
  if (process.env['CI'] === 'true') {
    describe(name, () => {
      throw new Error(`in CI every suite runs, but this one ${reason}`);
    });
    return;
  }
  describe.skip(`${name} [skipped, ${reason}]`, suite);
}
