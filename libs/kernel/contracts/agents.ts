import { z } from 'zod';

/** AgentHello is what an agent says of itself and its cluster when it has connected, and again when its token has changed. */
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
});
export type AgentHello = z.infer<typeof AgentHello>;

/** Where on the listener agents connect. */
export const agentPath = '/agent';
