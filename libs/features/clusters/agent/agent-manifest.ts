import type { Db } from '@nm/adapters/db';
import type { LicenseePrincipal } from '@nm/features/access';
import { type AgentManifest, type AgentManifestQuery, defaultChannel, RbacPolicy } from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import { findCluster } from '../cluster-row.js';
import { identityObjects } from '../permissions/identity-objects.js';

/** What the operator of this NMachine has set for agents. */
export interface AgentSettings {
  /** Where agents dial in: `wss://…`; without it this NMachine takes none. */
  readonly url: string | undefined;
  readonly image: string;
  /** Authorities (PEM) that prove `url`, when no public ones do. */
  readonly ca: string | undefined;
}

/** Of the ServiceAccount, the Deployment and the Secret that holds the token. */
const name = 'nmachine-agent';
const opsPort = 8_099;
const tokenFolder = '/var/run/nmachine';
const caFolder = '/etc/nmachine';
const caKey = 'ca.crt';
/** The image's own user. */
const userId = 65_532;
const labels = { 'app.kubernetes.io/name': name, 'app.kubernetes.io/managed-by': 'nmachine' };

/**
 * agentManifest gives what runs the agent of a cluster, for the version that the licence's app has on its stable channel: an identity that may prepare an
 * install in one namespace and nothing beside, and two replicas that pass the Pod Security standard `restricted`. The token comes from a Secret that the
 * user makes, so that no answer of ours holds it twice.
 * @throws Fault not_found; conflict when the cluster has no agent, or this NMachine takes none
 */
export async function agentManifest(
  { db, agents }: { readonly db: Db; readonly agents: AgentSettings },
  principal: LicenseePrincipal,
  id: string,
  { namespace }: AgentManifestQuery,
): Promise<AgentManifest> {
  const policy = await db.withOrg(principal.orgId, async (tx) => {
    const { connection } = await findCluster(tx, principal, id);
    if (connection !== 'agent')
      throw new Fault('conflict', { public: 'This cluster is reached directly; it has no agent.' });
    const channel = await tx.channel.findFirst({
      where: { appId: principal.appId, name: defaultChannel },
      include: { version: true },
    });
    return RbacPolicy.parse((channel?.version.spec as { rbac?: unknown } | undefined)?.rbac ?? {});
  });
  const { url, image, ca } = agents;
  if (url === undefined)
    throw new Fault('conflict', {
      public: 'This NMachine takes no agents. Its operator sets NM_AGENT_PORT and NM_PUBLIC_AGENT_URL.',
    });
  const trusted = url.startsWith('wss:') ? ca : undefined;
  const objects = [
    ...identityObjects(name, namespace, policy),
    ...(trusted === undefined ? [] : [authorities(namespace, trusted)]),
    deployment(namespace, url, image, trusted !== undefined),
    budget(namespace),
  ];
  return { apiVersion: 'v1', kind: 'List', items: objects as AgentManifest['items'] };
}

const authorities = (namespace: string, ca: string) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace, labels },
  data: { [caKey]: ca },
});

const deployment = (namespace: string, url: string, image: string, hasCa: boolean) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, namespace, labels },
  spec: {
    replicas: 2,
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
    selector: { matchLabels: { 'app.kubernetes.io/name': name } },
    template: {
      metadata: { labels },
      spec: {
        serviceAccountName: name,
        enableServiceLinks: false,
        // Streams that are under way may finish.
        terminationGracePeriodSeconds: 30,
        securityContext: { runAsNonRoot: true, runAsUser: userId, seccompProfile: { type: 'RuntimeDefault' } },
        topologySpreadConstraints: [
          {
            maxSkew: 1,
            topologyKey: 'kubernetes.io/hostname',
            whenUnsatisfiable: 'ScheduleAnyway',
            labelSelector: { matchLabels: { 'app.kubernetes.io/name': name } },
          },
        ],
        containers: [container(url, image, hasCa)],
        // A new token in the Secret reaches the agent as a file, so it changes over without a restart.
        volumes: [
          { name: 'token', secret: { secretName: name, items: [{ key: 'token', path: 'token' }] } },
          ...(hasCa ? [{ name: 'authorities', configMap: { name } }] : []),
        ],
      },
    },
  },
});

const container = (url: string, image: string, hasCa: boolean) => ({
  name: 'agent',
  image,
  command: ['node', 'dist/apps/agent/src/main.js'],
  env: [
    { name: 'NM_AGENT_URL', value: url },
    { name: 'NM_AGENT_TOKEN_FILE', value: `${tokenFolder}/token` },
    ...(hasCa ? [{ name: 'NM_AGENT_CA_FILE', value: `${caFolder}/${caKey}` }] : []),
    { name: 'NM_AGENT_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
    { name: 'NM_OPS_HOST', value: '0.0.0.0' },
    { name: 'NM_OPS_PORT', value: `${opsPort}` },
  ],
  ports: [{ name: 'ops', containerPort: opsPort }],
  readinessProbe: { httpGet: { path: '/readyz', port: 'ops' }, periodSeconds: 10 },
  livenessProbe: { httpGet: { path: '/healthz', port: 'ops' }, periodSeconds: 20, failureThreshold: 3 },
  resources: { requests: { cpu: '20m', memory: '96Mi' }, limits: { memory: '256Mi' } },
  securityContext: {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  },
  volumeMounts: [
    { name: 'token', mountPath: tokenFolder, readOnly: true },
    ...(hasCa ? [{ name: 'authorities', mountPath: caFolder, readOnly: true }] : []),
  ],
});

const budget = (namespace: string) => ({
  apiVersion: 'policy/v1',
  kind: 'PodDisruptionBudget',
  metadata: { name, namespace, labels },
  spec: { minAvailable: 1, selector: { matchLabels: { 'app.kubernetes.io/name': name } } },
});
