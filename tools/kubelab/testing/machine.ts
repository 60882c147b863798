import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { NODE_IP } from '../cluster/components.ts';
import { BRIDGE } from '../node/kubelet.ts';
import { FORWARDING, readSysctls } from '../node/sysctls.ts';
import { currentCgroups } from '../node/undo-node.ts';
import { systemPath } from '../paths.ts';

/** What a real node changes on the machine, and nothing that others may change meanwhile (a Docker daemon, for example). */
export interface MachineState {
  readonly addresses: readonly string[];
  /** Rules and user chains; an empty table that was not there before is no difference. */
  readonly rules: readonly string[];
  readonly mounts: readonly string[];
  readonly namespaces: readonly string[];
  readonly cgroups: readonly string[];
  /** Without forwarding, which a container engine shares. */
  readonly sysctls: Readonly<Record<string, string>>;
}

/** Looks at the machine. */
export function machineState(): MachineState {
  const lines = (command: string, ...args: string[]) => {
    const run = spawnSync(command, args, { encoding: 'utf8', env: { ...process.env, PATH: systemPath() } });
    return run.stdout.split('\n').filter(Boolean);
  };
  const { [FORWARDING]: _, ...sysctls } = readSysctls();
  return {
    addresses: lines('ip', '-o', 'addr').filter((line) => new RegExp(`${BRIDGE}|${NODE_IP}|10\\.244\\.`).test(line)),
    rules: ['iptables-save', 'ip6tables-save'].flatMap((command) =>
      lines(command).filter((line) => /KUBE-|CNI-/.test(line)),
    ),
    mounts: readFileSync('/proc/self/mounts', 'utf8')
      .split('\n')
      .filter((line) => line.includes('kubelab')),
    namespaces: lines('ip', 'netns').filter((name) => name.startsWith('cni-')),
    cgroups: currentCgroups(),
    sysctls,
  };
}

/** A root file system with these programs of the machine and the libraries that they load. */
export function rootfsOf(rootfs: string, programs: readonly string[]): string {
  for (const program of programs) {
    const libraries = spawnSync('ldd', [realpathSync(program)], { encoding: 'utf8' }).stdout.match(/\/\S+/g) ?? [];
    for (const file of [program, ...libraries]) {
      if (existsSync(join(rootfs, file))) continue;
      mkdirSync(dirname(join(rootfs, file)), { recursive: true });
      copyFileSync(realpathSync(file), join(rootfs, file));
    }
  }
  return rootfs;
}
