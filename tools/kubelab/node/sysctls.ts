import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';

/** The setting that makes the machine a router. */
export const FORWARDING = 'net.ipv4.ip_forward';
/** Kernel settings that kubelet, kube-proxy and the CNI plugins change for the whole machine. */
const CHANGED = [
  'kernel.panic',
  'kernel.panic_on_oops',
  'kernel.keys.root_maxbytes',
  'kernel.keys.root_maxkeys',
  'vm.overcommit_memory',
  'vm.panic_on_oom',
  FORWARDING,
  'net.ipv4.conf.all.route_localnet',
  'net.netfilter.nf_conntrack_tcp_timeout_established',
  'net.netfilter.nf_conntrack_tcp_timeout_close_wait',
] as const;

const file = (name: string): string => `/proc/sys/${name.replaceAll('.', '/')}`;

/** The settings as they are now; one that this kernel lacks is left out. */
export function readSysctls(): Record<string, string> {
  return Object.fromEntries(
    CHANGED.flatMap((name) => {
      try {
        return [[name, readFileSync(file(name), 'utf8').trim()]];
      } catch {
        return [];
      }
    }),
  );
}

/**
 * Writes back those that differ. Forwarding stays on while another bridge exists: a container engine that was started meanwhile found it on and
 * relies on it.
 */
export function restoreSysctls(saved: Readonly<Record<string, string>>): void {
  const now = readSysctls();
  for (const [name, value] of Object.entries(saved)) {
    if (name === FORWARDING && otherBridges()) continue;
    if (now[name] !== undefined && now[name] !== value) writeFileSync(file(name), value);
  }
}

/** Whether the machine has a bridge; ours is gone when this is asked. */
export function otherBridges(): boolean {
  return readdirSync('/sys/class/net').some((name) => existsSync(`/sys/class/net/${name}/bridge`));
}
