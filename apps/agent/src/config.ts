import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { loadConfig, Port, SecretText } from '@nm/adapters/config';
import { z } from 'zod';

const serviceAccount = '/var/run/secrets/kubernetes.io/serviceaccount';

const schema = z.object({
  /** Where NMachine takes agents: `wss://host[:port]`. */
  NM_AGENT_URL: z.url({ protocol: /^(wss?|https?)$/ }),
  /** What registering the cluster answered as `agentToken`; or a file that holds it. */
  NM_AGENT_TOKEN: SecretText.optional(),
  NM_AGENT_TOKEN_FILE: z.string().optional(),
  /** Authorities (PEM) that prove NMachine to us, when they are not public ones. */
  NM_AGENT_CA_FILE: z.string().optional(),
  /** The cluster's own API server: where to dial, and under which name its certificate is checked. A pod is told the first by Kubernetes. */
  KUBERNETES_SERVICE_HOST: z.string().default('kubernetes.default.svc'),
  KUBERNETES_SERVICE_PORT: Port.default(443),
  NM_AGENT_SERVER: z.url({ protocol: /^https$/ }).default('https://kubernetes.default.svc'),
  NM_AGENT_KUBE_TOKEN_FILE: z.string().default(`${serviceAccount}/token`),
  NM_AGENT_KUBE_CA_FILE: z.string().default(`${serviceAccount}/ca.crt`),
  /** Which replica this is. */
  NM_AGENT_NAME: z.string().min(1).max(253).optional(),
  NM_LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
  NM_OPS_HOST: z.string().default('127.0.0.1'),
  NM_OPS_PORT: Port.default(0),
  /** SIGTERM lets streams that are under way go on for so long. */
  NM_DRAIN_MS: z.coerce.number().int().min(0).max(600_000).default(8_000),
  /** How often both token files are looked at. */
  NM_AGENT_LOOK_MS: z.coerce.number().int().min(50).max(3_600_000).default(10_000),
});

export type AgentConfig = ReturnType<typeof agentConfig>;

/** agentConfig reads the environment. @throws Fault config_invalid */
export function agentConfig(env?: Readonly<Record<string, string | undefined>>) {
  const read = loadConfig(
    schema.refine((all) => all.NM_AGENT_TOKEN ?? all.NM_AGENT_TOKEN_FILE, {
      path: ['NM_AGENT_TOKEN'],
      message: 'set NM_AGENT_TOKEN or NM_AGENT_TOKEN_FILE: the "agentToken" of the registered cluster',
    }),
    env,
  );
  return {
    url: read.NM_AGENT_URL.replace(/^http/, 'ws').replace(/\/+$/, ''),
    token: () => read.NM_AGENT_TOKEN?.reveal() ?? readFileSync(read.NM_AGENT_TOKEN_FILE ?? '', 'utf8').trim(),
    caFile: read.NM_AGENT_CA_FILE,
    apiServer: { host: read.KUBERNETES_SERVICE_HOST, port: read.KUBERNETES_SERVICE_PORT },
    server: read.NM_AGENT_SERVER,
    kubeTokenFile: read.NM_AGENT_KUBE_TOKEN_FILE,
    kubeCaFile: read.NM_AGENT_KUBE_CA_FILE,
    replica: read.NM_AGENT_NAME ?? hostname(),
    logLevel: read.NM_LOG_LEVEL,
    opsHost: read.NM_OPS_HOST,
    opsPort: read.NM_OPS_PORT,
    drainMs: read.NM_DRAIN_MS,
    lookMs: read.NM_AGENT_LOOK_MS,
  };
}
