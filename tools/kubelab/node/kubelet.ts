import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command, Plan } from '../cluster/components.ts';
import { NODE_IP } from '../cluster/components.ts';
import { nodeDir } from './containerd.ts';

/** Name of the real node. */
export const NODE_NAME = 'node1';
/** The bridge that pods hang on. */
export const BRIDGE = 'kubelab-br0';

/** Network of the pods: a bridge with host-local addresses, masquerading, host ports. */
export function writeCniConfig(dir: string): void {
  const ipam = {
    type: 'host-local',
    ranges: [[{ subnet: '10.244.0.0/24' }]],
    routes: [{ dst: '0.0.0.0/0' }],
    dataDir: join(nodeDir(dir), 'cni-ipam'),
  };
  const plugins = [
    { type: 'bridge', bridge: BRIDGE, isGateway: true, ipMasq: true, hairpinMode: true, ipam },
    { type: 'portmap', capabilities: { portMappings: true } },
  ];
  writeFileSync(
    join(nodeDir(dir), 'cni', '10-kubelab.conflist'),
    JSON.stringify({ cniVersion: '0.4.0', name: 'kubelab', plugins }),
  );
}

/**
 * Writes the kubelet's configuration and returns its command. cgroup v1 and swap are accepted (both are on build machines); leave
 * localStorageCapacityIsolation alone: set to false, the kubelet refuses pods with ephemeral-storage limits.
 */
export function kubelet({ dir, build }: Plan): Command {
  const base = nodeDir(dir);
  const pki = (file: string) => join(dir, 'pki', file);
  const file = join(base, 'kubelet.yaml');
  const config = {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    failCgroupV1: false,
    failSwapOn: false,
    cgroupDriver: 'cgroupfs',
    cgroupsPerQOS: true,
    enforceNodeAllocatable: ['pods'],
    containerRuntimeEndpoint: `unix://${base}/containerd.sock`,
    staticPodPath: '',
    address: NODE_IP,
    port: 10250,
    readOnlyPort: 0,
    healthzBindAddress: '127.0.0.1',
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: pki('ca.crt') },
    },
    authorization: { mode: 'Webhook' },
    tlsCertFile: pki('kubelet.crt'),
    tlsPrivateKeyFile: pki('kubelet.key'),
    clusterDNS: ['10.96.0.10'],
    clusterDomain: 'cluster.local',
    resolvConf: '',
    evictionHard: { 'memory.available': '50Mi', 'nodefs.available': '1%', 'imagefs.available': '1%' },
    // Images cannot be pulled again: never collect them.
    imageGCHighThresholdPercent: 100,
    protectKernelDefaults: false,
    makeIPTablesUtilChains: true,
    hairpinMode: 'hairpin-veth',
    podLogsDir: join(base, 'logs'),
    logging: { verbosity: 1 },
  };
  writeFileSync(file, JSON.stringify(config));
  return {
    program: join(build.bin, 'kubelet'),
    args: [
      `--config=${file}`,
      `--kubeconfig=${join(dir, 'node.kubeconfig')}`,
      `--hostname-override=${NODE_NAME}`,
      `--node-ip=${NODE_IP}`,
      `--root-dir=${join(base, 'kubelet')}`,
      `--cert-dir=${join(base, 'kubelet', 'pki')}`,
      '--oom-score-adj=0',
      '--register-node=true',
    ],
  };
}

/** kube-proxy in iptables mode; leaves the machine's conntrack table size alone. */
export function kubeProxy({ dir, build }: Plan): Command {
  const file = join(nodeDir(dir), 'proxy.yaml');
  const config = {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    mode: 'iptables',
    clusterCIDR: '10.244.0.0/16',
    bindAddress: '127.0.0.1',
    metricsBindAddress: '127.0.0.1:10249',
    healthzBindAddress: '127.0.0.1:10256',
    hostnameOverride: NODE_NAME,
    clientConnection: { kubeconfig: join(dir, 'proxy.kubeconfig') },
    conntrack: { maxPerCore: 0, min: 0 },
  };
  writeFileSync(file, JSON.stringify(config));
  return { program: join(build.bin, 'kube-proxy'), args: [`--config=${file}`] };
}
