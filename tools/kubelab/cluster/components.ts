import { join } from 'node:path';
import type { Build } from '../build/ensure-built.ts';
import type { Ports } from './ports.ts';
import type { Mode } from './state.ts';

/** What the command lines of a cluster's programs depend on. */
export interface Plan {
  readonly dir: string;
  readonly mode: Mode;
  readonly ports: Ports;
  readonly build: Build;
  /** Every write of a ConfigMap or Job goes to `log/audit.log`, with what it asked and what came of it. */
  readonly audit: boolean;
}

/** One program and its arguments. */
export interface Command {
  readonly program: string;
  readonly args: readonly string[];
}

/** Address of a real node on the loopback interface: pods must reach the API server by an address that is not 127.x. */
export const NODE_IP = '172.31.255.1';

const SERVICES = '10.96.0.0/16';
const PODS = '10.244.0.0/16';
// Without these the default ServiceAccount takes 9 s instead of 0.5 s: the controllers throttle themselves.
const UNTHROTTLED = ['--kube-api-qps=300', '--kube-api-burst=600'];

const pki = ({ dir }: Plan, file: string): string => join(dir, 'pki', file);

/** What the API server keeps of requests when it is asked to; in the way of YAML, which JSON is. */
export const auditPolicy = JSON.stringify({
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived'],
  omitManagedFields: true,
  rules: [
    {
      level: 'RequestResponse',
      verbs: ['create', 'update', 'patch', 'delete', 'deletecollection'],
      resources: [
        { group: '', resources: ['configmaps'] },
        { group: 'batch', resources: ['jobs'] },
      ],
    },
    { level: 'None' },
  ],
});

export const auditPolicyFile = (dir: string): string => join(dir, 'audit-policy.json');

/** A test's data need not survive a power cut: no fsync. It does survive a killed process. */
export function etcd({ dir, ports, build }: Plan): Command {
  const [client, peer] = [`http://127.0.0.1:${ports.etcd}`, `http://127.0.0.1:${ports.etcdPeer}`];
  return {
    program: join(build.bin, 'etcd'),
    args: [
      `--data-dir=${join(dir, 'etcd')}`,
      `--listen-client-urls=${client}`,
      `--advertise-client-urls=${client}`,
      `--listen-peer-urls=${peer}`,
      `--initial-advertise-peer-urls=${peer}`,
      `--initial-cluster=default=${peer}`,
      '--unsafe-no-fsync',
      '--log-level=warn',
    ],
  };
}

/** With a real node the API server listens on all interfaces and advertises an address that pods can reach. */
export function apiserver(plan: Plan): Command {
  const real = plan.mode === 'node';
  return {
    program: join(plan.build.bin, 'kube-apiserver'),
    args: [
      `--etcd-servers=http://127.0.0.1:${plan.ports.etcd}`,
      `--bind-address=${real ? '0.0.0.0' : '127.0.0.1'}`,
      `--secure-port=${plan.ports.api}`,
      `--advertise-address=${real ? NODE_IP : '127.0.0.1'}`,
      `--endpoint-reconciler-type=${real ? 'master-count' : 'none'}`,
      `--tls-cert-file=${pki(plan, 'apiserver.crt')}`,
      `--tls-private-key-file=${pki(plan, 'apiserver.key')}`,
      `--client-ca-file=${pki(plan, 'ca.crt')}`,
      `--kubelet-client-certificate=${pki(plan, 'apiserver-kubelet-client.crt')}`,
      `--kubelet-client-key=${pki(plan, 'apiserver-kubelet-client.key')}`,
      `--kubelet-certificate-authority=${pki(plan, 'ca.crt')}`,
      '--kubelet-preferred-address-types=InternalIP',
      `--requestheader-client-ca-file=${pki(plan, 'front-proxy-ca.crt')}`,
      '--requestheader-allowed-names=front-proxy-client',
      '--requestheader-extra-headers-prefix=X-Remote-Extra-',
      '--requestheader-group-headers=X-Remote-Group',
      '--requestheader-username-headers=X-Remote-User',
      `--proxy-client-cert-file=${pki(plan, 'front-proxy-client.crt')}`,
      `--proxy-client-key-file=${pki(plan, 'front-proxy-client.key')}`,
      '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
      `--service-account-key-file=${pki(plan, 'sa.pub')}`,
      `--service-account-signing-key-file=${pki(plan, 'sa.key')}`,
      '--authorization-mode=Node,RBAC',
      '--enable-admission-plugins=NodeRestriction',
      `--service-cluster-ip-range=${SERVICES}`,
      '--allow-privileged=true',
      '--profiling=false',
      ...(plan.audit
        ? [`--audit-policy-file=${auditPolicyFile(plan.dir)}`, `--audit-log-path=${join(plan.dir, 'log', 'audit.log')}`]
        : []),
    ],
  };
}

/** kube-controller-manager. */
export function controllers(plan: Plan): Command {
  return {
    program: join(plan.build.bin, 'kube-controller-manager'),
    args: [
      ...clientOf(plan, 'controllers', plan.ports.controllers),
      '--use-service-account-credentials=true',
      `--root-ca-file=${pki(plan, 'ca.crt')}`,
      `--service-account-private-key-file=${pki(plan, 'sa.key')}`,
      `--cluster-signing-cert-file=${pki(plan, 'ca.crt')}`,
      `--cluster-signing-key-file=${pki(plan, 'ca.key')}`,
      `--cluster-cidr=${PODS}`,
      '--allocate-node-cidrs=true',
      `--service-cluster-ip-range=${SERVICES}`,
    ],
  };
}

/** kube-scheduler. */
export function scheduler(plan: Plan): Command {
  return { program: join(plan.build.bin, 'kube-scheduler'), args: clientOf(plan, 'scheduler', plan.ports.scheduler) };
}

/** kwok as the kubelet of the nodes that carry its annotation: their pods go Running and Ready by themselves. */
export function kwok(plan: Plan): Command {
  return {
    program: join(plan.build.bin, 'kwok'),
    args: [
      `--config=${plan.build.kwokStages}`,
      `--kubeconfig=${join(plan.dir, 'kwok.kubeconfig')}`,
      '--manage-all-nodes=false',
      '--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake',
      `--cidr=${PODS}`,
      '--node-ip=127.0.0.1',
      `--node-port=${plan.ports.kwok}`,
      `--server-address=127.0.0.1:${plan.ports.kwok}`,
      `--tls-cert-file=${pki(plan, 'kubelet.crt')}`,
      `--tls-private-key-file=${pki(plan, 'kubelet.key')}`,
      '--node-lease-duration-seconds=40',
    ],
  };
}

function clientOf(plan: Plan, user: string, port: number): string[] {
  const kubeconfig = join(plan.dir, `${user}.kubeconfig`);
  return [
    `--kubeconfig=${kubeconfig}`,
    `--authentication-kubeconfig=${kubeconfig}`,
    `--authorization-kubeconfig=${kubeconfig}`,
    `--client-ca-file=${pki(plan, 'ca.crt')}`,
    `--requestheader-client-ca-file=${pki(plan, 'front-proxy-ca.crt')}`,
    '--bind-address=127.0.0.1',
    `--secure-port=${port}`,
    '--leader-elect=false',
    ...UNTHROTTLED,
  ];
}
