import { readFileSync, writeFileSync } from 'node:fs';

/** Kernel settings that kubelet, kube-proxy and the CNI plugins change for the whole machine. */
const CHANGED = [
  'kernel.panic',
  'kernel.panic_on_oops',
  'kernel.keys.root_maxbytes',
  'kernel.keys.root_maxkeys',
  'vm.overcommit_memory',
  'vm.panic_on_oom',
  'net.ipv4.ip_forward',
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

/** Writes back those that differ. */
export function restoreSysctls(saved: Readonly<Record<string, string>>): void {
  const now = readSysctls();
  for (const [name, value] of Object.entries(saved)) {
    if (now[name] !== undefined && now[name] !== value) writeFileSync(file(name), value);
  }
}
