import { CommaList, type CommonConfig, commonConfig, loadConfig, Port } from '@nm/adapters/config';
import { type EgressPolicy, egressConfig } from '@nm/adapters/egress';
import type { AgentSettings } from '@nm/features/clusters';
import { z } from 'zod';

const schema = z.object({
  /** Addresses to listen on, comma-separated. */
  NM_API_HOST: CommaList.default(['127.0.0.1']),
  NM_API_PORT: Port.default(8090),
  /** How agents reach the gateways' NM_AGENT_PORT; written into their manifests. */
  NM_PUBLIC_AGENT_URL: z.url({ protocol: /^wss?$/ }).optional(),
  /** The image that agents run from, as users' clusters pull it. */
  NM_AGENT_IMAGE: z.string().min(1).max(500).default('nmachine:local'),
});

/** ApiConfig is all that the API takes from its environment. */
export interface ApiConfig extends CommonConfig {
  readonly hosts: readonly string[];
  readonly port: number;
  /** Which cluster addresses may be dialled. */
  readonly egress: EgressPolicy;
  readonly agents: AgentSettings;
}

/** apiConfig reads the environment. @throws Fault config_invalid */
export function apiConfig(env?: Readonly<Record<string, string | undefined>>): ApiConfig {
  const read = loadConfig(z.intersection(commonConfig, schema), env);
  const { NM_API_HOST, NM_API_PORT, NM_PUBLIC_AGENT_URL, NM_AGENT_IMAGE, ...common } = read;
  return {
    ...common,
    hosts: NM_API_HOST,
    port: NM_API_PORT,
    agents: { url: NM_PUBLIC_AGENT_URL?.replace(/\/+$/, ''), image: NM_AGENT_IMAGE },
    ...loadConfig(egressConfig, env),
  };
}
