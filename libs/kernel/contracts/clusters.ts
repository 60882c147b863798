import { z } from 'zod';
import { DisplayName, Id, Instant, KubeName } from './primitives.js';

export const kubeconfigBytesMax = 64 * 1024;

/** RegisterCluster takes a kubeconfig; only an allow-list of its fields is used (see the report in `intake`). */
export const RegisterCluster = z
  .strictObject({
    name: DisplayName,
    kubeconfig: z.string().min(1).max(kubeconfigBytesMax),
    /** Which context to use; default is the current one. */
    context: z.string().max(253).optional(),
    /** Accept `insecure-skip-tls-verify` of the kubeconfig. */
    allowInsecureTls: z.boolean().default(false),
  })
  .meta({ id: 'RegisterCluster' });
export type RegisterCluster = z.infer<typeof RegisterCluster>;

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
    health: ClusterHealth,
    healthMessage: z.string().optional(),
    version: z.string().optional(),
    checkedAt: Instant.optional(),
    createdAt: Instant,
    intake: IntakeReport,
  })
  .meta({ id: 'Cluster' });
export type Cluster = z.infer<typeof Cluster>;

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

export const CreateInstall = z.strictObject({ clusterId: Id, namespace: KubeName }).meta({ id: 'CreateInstall' });
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
    provisionRunId: Id.optional(),
    createdAt: Instant,
  })
  .meta({ id: 'Install' });
export type Install = z.infer<typeof Install>;

/** An install whose removal is queued; it is `removed` when that run has ended well. */
export const RemovedInstall = Install.extend({ removeRunId: Id }).meta({ id: 'RemovedInstall' });
export type RemovedInstall = z.infer<typeof RemovedInstall>;
