import { z } from 'zod';
import { Instant, KubeName } from './primitives.js';

/** AgentHello is what an agent says of itself and its cluster when it has connected, and again when its token has changed or when it is about to leave. */
export const AgentHello = z.strictObject({
  /** Which of several replicas; its pod's name. */
  replica: z.string().min(1).max(253),
  version: z.string().min(1).max(64),
  /** The address as the cluster itself knows it. We never dial it; the API server's certificate is checked against it. */
  server: z.string().min(1).max(2_000),
  /** PEM. */
  ca: z
    .string()
    .min(1)
    .max(128 * 1024)
    .optional(),
  tlsServerName: z.string().min(1).max(253).optional(),
  token: z.string().min(1).max(16_384),
  /** This tunnel is about to end: it gets no new streams, and those on it may finish. */
  leaving: z.literal(true).optional(),
});
export type AgentHello = z.infer<typeof AgentHello>;

/** Where on the listener agents connect. */
export const agentPath = '/agent';

const overlapSecondsMax = 7 * 86_400;

export const ReplaceAgentToken = z
  .strictObject({
    /** So long the token before stays good; 0 ends it, and the tunnels that it opened, at once. */
    overlapSeconds: z.number().int().min(0).max(overlapSecondsMax).default(86_400),
  })
  .meta({ id: 'ReplaceAgentToken' });
export type ReplaceAgentToken = z.infer<typeof ReplaceAgentToken>;

/** AgentToken is shown this once. */
export const AgentToken = z
  .object({ agentToken: z.string(), previousUntil: Instant.optional() })
  .meta({ id: 'AgentToken' });
export type AgentToken = z.infer<typeof AgentToken>;

/** AgentStatus says which replicas of a cluster's agent are connected, and which tokens open tunnels. */
export const AgentStatus = z
  .object({
    replicas: z.array(z.object({ replica: z.string(), connectedAt: Instant })),
    /** False after the token was revoked: no agent can connect until there is a new one. */
    hasToken: z.boolean(),
    previousUntil: Instant.optional(),
  })
  .meta({ id: 'AgentStatus' });
export type AgentStatus = z.infer<typeof AgentStatus>;

/** Where the agent will live, and its app with it. */
export const AgentManifestQuery = z.strictObject({ namespace: KubeName.default('nmachine') });
export type AgentManifestQuery = z.infer<typeof AgentManifestQuery>;

/** AgentManifest is a List of Kubernetes objects, ready for `kubectl apply -f -`. */
export const AgentManifest = z
  .object({
    apiVersion: z.literal('v1'),
    kind: z.literal('List'),
    items: z.array(z.object({ apiVersion: z.string(), kind: z.string() }).loose()),
  })
  .meta({ id: 'AgentManifest' });
export type AgentManifest = z.infer<typeof AgentManifest>;
