import { z } from 'zod';
import { DisplayName, Id, Instant, KubeName } from './primitives.js';

export const kubeconfigBytesMax = 64 * 1024;

/** The two ways to say where an API server is and who we are to it. */
const access = {
  /** Only an allow-list of its fields is used (see the report in `intake`). */
  kubeconfig: z.string().min(1).max(kubeconfigBytesMax).optional(),
  /** Which context of the kubeconfig to use; default is the current one. */
  context: z.string().max(253).optional(),
  /** Accept `insecure-skip-tls-verify` of the kubeconfig. */
  allowInsecureTls: z.boolean().default(false),
  /** Instead of a kubeconfig: `https://host:port`. */
  server: z.string().min(1).max(2_000).optional(),
  /** Certificates (PEM) that prove the server to us; without them the public authorities count. */
  ca: z.string().min(1).max(kubeconfigBytesMax).optional(),
  /** Name that the server's certificate is checked against. */
  tlsServerName: z.string().min(1).max(253).optional(),
  token: z.string().min(1).max(16_384).optional(),
};

/** RegisterCluster takes a kubeconfig, or server, authority and token, or `agent: true` for a cluster that only dials out. */
export const RegisterCluster = z
  .strictObject({ name: DisplayName, ...access, agent: z.literal(true).optional() })
  .refine(
    ({ kubeconfig, server, token, agent }) =>
      [kubeconfig !== undefined, server !== undefined && token !== undefined, agent].filter(Boolean).length === 1,
    'give one of: "kubeconfig"; "server" with "token"; "agent": true',
  )
  .meta({ id: 'RegisterCluster' });
export type RegisterCluster = z.infer<typeof RegisterCluster>;

/** ReplaceCredential takes what `RegisterCluster` does, or a token alone, which then goes with the server that is known. */
export const ReplaceCredential = z
  .strictObject(access)
  .refine(
    ({ kubeconfig, token }) => (kubeconfig === undefined) !== (token === undefined),
    'give one of: "kubeconfig"; "token", with "server" and "ca" when those change',
  )
  .meta({ id: 'ReplaceCredential' });
export type ReplaceCredential = z.infer<typeof ReplaceCredential>;

/** CredentialInfo is what can be told of a credential without showing it. */
export const CredentialInfo = z.object({
  kind: z.enum(['none', 'token', 'service-account', 'certificate']),
  expiresAt: Instant.optional(),
  serviceAccount: z.object({ namespace: z.string(), name: z.string(), secret: z.string().optional() }).optional(),
});
export type CredentialInfo = z.infer<typeof CredentialInfo>;

/** RotationReport says what came of the last replacement of a credential, and of the one that it replaced. */
export const RotationReport = z.object({
  at: Instant,
  outcome: z.enum(['rotated', 'failed']),
  message: z.string(),
  /** dead: the cluster refuses it, we have seen that. alive: it works until `aliveUntil`, or for ever when that is absent. */
  previous: z.enum(['dead', 'alive']).optional(),
  aliveUntil: Instant.optional(),
});
export type RotationReport = z.infer<typeof RotationReport>;

/** One field of the kubeconfig and what became of it. */
export const IntakeField = z.object({ path: z.string(), reason: z.string() });
export type IntakeField = z.infer<typeof IntakeField>;

export const IntakeReport = z
  .object({
    kept: z.array(IntakeField),
    refused: z.array(IntakeField),
    /** Harmless and not used: unknown fields, other contexts. */
    ignored: z.array(IntakeField).default([]),
  })
  .meta({ id: 'IntakeReport' });
export type IntakeReport = z.infer<typeof IntakeReport>;

export const ClusterHealth = z.enum(['unknown', 'reachable', 'unreachable', 'unauthorized']);
export type ClusterHealth = z.infer<typeof ClusterHealth>;

export const Cluster = z
  .object({
    id: Id,
    name: z.string(),
    server: z.string(),
    /** agent: reached through a tunnel that the cluster's own agent has dialled. */
    connection: z.enum(['direct', 'agent']),
    credential: CredentialInfo.extend({ rotation: RotationReport.optional() }),
    health: ClusterHealth,
    healthMessage: z.string().optional(),
    version: z.string().optional(),
    checkedAt: Instant.optional(),
    createdAt: Instant,
    intake: IntakeReport,
  })
  .meta({ id: 'Cluster' });
export type Cluster = z.infer<typeof Cluster>;

/** RegisteredCluster holds the token of the agent, which is shown this once. */
export const RegisteredCluster = Cluster.extend({ agentToken: z.string().optional() }).meta({
  id: 'RegisteredCluster',
});
export type RegisteredCluster = z.infer<typeof RegisteredCluster>;

/** One look at a cluster in the past. */
export const ClusterCheckRecord = z
  .object({
    id: Id,
    at: Instant,
    health: ClusterHealth,
    message: z.string(),
    version: z.string().optional(),
    latencyMs: z.number().optional(),
    /** How many permissions were missing; absent when they were not asked for. */
    missing: z.number().optional(),
    credentialExpiresAt: Instant.optional(),
  })
  .meta({ id: 'ClusterCheckRecord' });
export type ClusterCheckRecord = z.infer<typeof ClusterCheckRecord>;

export const CreateSetupScript = z.strictObject({ namespace: KubeName }).meta({ id: 'CreateSetupScript' });
export type CreateSetupScript = z.infer<typeof CreateSetupScript>;

/** A script for sh and kubectl, to be run by somebody who may grant what it grants. It prints a kubeconfig. */
export const SetupScript = z.object({ namespace: z.string(), script: z.string() }).meta({ id: 'SetupScript' });
export type SetupScript = z.infer<typeof SetupScript>;

export const PermissionCheck = z.object({
  verb: z.string(),
  apiGroup: z.string(),
  resource: z.string(),
  namespace: z.string().optional(),
  /** One object only. */
  name: z.string().optional(),
  allowed: z.boolean(),
  reason: z.string().optional(),
  /** Why NMachine needs it. */
  purpose: z.string(),
});
export type PermissionCheck = z.infer<typeof PermissionCheck>;

export const CheckCluster = z.strictObject({ namespace: KubeName.default('default') }).meta({ id: 'CheckCluster' });
export type CheckCluster = z.infer<typeof CheckCluster>;

export const ClusterCheck = z
  .object({
    health: ClusterHealth,
    message: z.string(),
    version: z.string().optional(),
    latencyMs: z.number().optional(),
    /** True when every permission that the app's version needs is there. */
    ready: z.boolean(),
    permissions: z.array(PermissionCheck),
  })
  .meta({ id: 'ClusterCheck' });
export type ClusterCheck = z.infer<typeof ClusterCheck>;

export const CreateInstall = z
  .strictObject({
    clusterId: Id,
    namespace: KubeName,
    /** Wanted when the version has ClusterRoles: `acceptClusterRoles` of the preview, which stands for exactly the rules that were shown. */
    acceptClusterRoles: z.string().max(100).optional(),
  })
  .meta({ id: 'CreateInstall' });
export type CreateInstall = z.infer<typeof CreateInstall>;

export const InstallState = z.enum(['provisioning', 'ready', 'failed', 'removed']);
export type InstallState = z.infer<typeof InstallState>;

export const Install = z
  .object({
    id: Id,
    app: z.string(),
    version: z.string(),
    licenceId: Id,
    clusterId: Id,
    namespace: z.string(),
    state: InstallState,
    /** False while the licensee keeps the cluster proxy shut. */
    clusterAccess: z.boolean(),
    /** Set when cluster-wide roles were accepted: which. */
    acceptedClusterRoles: z.string().optional(),
    provisionRunId: Id.optional(),
    createdAt: Instant,
  })
  .meta({ id: 'Install' });
export type Install = z.infer<typeof Install>;

/** An install whose removal is queued; it is `removed` when that run has ended well. */
export const RemovedInstall = Install.extend({ removeRunId: Id }).meta({ id: 'RemovedInstall' });
export type RemovedInstall = z.infer<typeof RemovedInstall>;
