import { z } from 'zod';
import { RbacRule } from './apps.js';
import { clusterTokenSecondsMax } from './context.js';
import { DisplayName, Id, Instant, KubeName, PageQuery } from './primitives.js';

/** CreateKubeconfig asks for a kubeconfig whose token is worth one install. */
export const CreateKubeconfig = z
  .strictObject({
    /** Tells tokens apart in lists and in the record of changes. */
    name: DisplayName.default('kubeconfig'),
    seconds: z.number().int().min(60).max(clusterTokenSecondsMax).default(clusterTokenSecondsMax),
    readOnly: z.boolean().default(false),
  })
  .meta({ id: 'CreateKubeconfig' });
export type CreateKubeconfig = z.infer<typeof CreateKubeconfig>;

/** InstallToken is what is known of a token; its text is told once, in the kubeconfig. */
export const InstallToken = z
  .object({
    id: Id,
    name: z.string(),
    mode: z.enum(['full', 'read-only']),
    /** Set when it belongs to a hosted KAMA; it ends when that stops. */
    instanceId: Id.optional(),
    createdBy: z.string(),
    createdAt: Instant,
    expiresAt: Instant,
    revokedAt: Instant.optional(),
  })
  .meta({ id: 'InstallToken' });
export type InstallToken = z.infer<typeof InstallToken>;

export const Kubeconfig = z
  .object({
    token: InstallToken,
    /** A whole kubeconfig, in YAML. */
    kubeconfig: z.string(),
  })
  .meta({ id: 'Kubeconfig' });
export type Kubeconfig = z.infer<typeof Kubeconfig>;

/** SetClusterAccess opens or shuts the cluster proxy for one install. */
export const SetClusterAccess = z.strictObject({ enabled: z.boolean() }).meta({ id: 'SetClusterAccess' });
export type SetClusterAccess = z.infer<typeof SetClusterAccess>;

/** ClusterCall is one call through the cluster proxy that changed something, or tried to. */
export const ClusterCall = z
  .object({
    id: Id,
    /** missed: `count` calls came faster than they could be recorded. */
    kind: z.enum(['call', 'missed']),
    count: z.number().int(),
    at: Instant,
    /** Absent while exec, attach or port-forward is open. */
    endedAt: Instant.optional(),
    /** create, update, patch, delete, deletecollection; connect for exec, attach, port-forward and the like. */
    verb: z.string(),
    apiGroup: z.string(),
    apiVersion: z.string(),
    resource: z.string(),
    subresource: z.string().optional(),
    namespace: z.string().optional(),
    name: z.string().optional(),
    /** licensee: by a token of `POST …/kubeconfig`; instance, app: a hosted KAMA; nmachine: a note of our own. */
    actor: z.object({ kind: z.enum(['licensee', 'instance', 'app', 'nmachine']), id: z.string(), name: z.string() }),
    /** HTTP status of the cluster's answer. */
    status: z.number().int().optional(),
    /** Why NMachine refused or cut it. */
    code: z.string().optional(),
    requestId: z.string().optional(),
  })
  .meta({ id: 'ClusterCall' });
export type ClusterCall = z.infer<typeof ClusterCall>;

/** ClusterCallQuery filters the record; each filter that is given must hold. */
export const ClusterCallQuery = PageQuery.extend({
  verb: z.string().max(32).optional(),
  resource: z.string().max(253).optional(),
  name: z.string().max(253).optional(),
  /** Id of a token or version. */
  actor: z.string().max(64).optional(),
  /** succeeded: the cluster answered below 400. */
  result: z.enum(['succeeded', 'failed']).optional(),
  since: Instant.optional(),
  until: Instant.optional(),
});
export type ClusterCallQuery = z.infer<typeof ClusterCallQuery>;

const GrantedRole = z.object({ name: z.string(), rules: z.array(RbacRule) });

export const PreviewInstall = z.strictObject({ clusterId: Id, namespace: KubeName }).meta({ id: 'PreviewInstall' });
export type PreviewInstall = z.infer<typeof PreviewInstall>;

/** InstallPreview is what an install would be given on the cluster, to be looked at before. */
export const InstallPreview = z
  .object({
    version: z.string(),
    clusterId: Id,
    namespace: z.string(),
    /** Good in the namespace. */
    roles: z.array(GrantedRole),
    /** Good in the whole cluster. */
    clusterRoles: z.array(GrantedRole),
    /** What to send to accept the cluster roles; absent when there are none. */
    acceptClusterRoles: z.string().optional(),
  })
  .meta({ id: 'InstallPreview' });
export type InstallPreview = z.infer<typeof InstallPreview>;
