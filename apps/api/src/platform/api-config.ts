import { CommaList, type CommonConfig, commonConfig, loadConfig, Port } from '@nm/adapters/config';
import { type EgressPolicy, egressConfig } from '@nm/adapters/egress';
import { z } from 'zod';

const schema = z.object({
  /** Addresses to listen on, comma-separated. */
  NM_API_HOST: CommaList.default(['127.0.0.1']),
  NM_API_PORT: Port.default(8090),
});

/** ApiConfig is all that the API takes from its environment. */
export interface ApiConfig extends CommonConfig {
  readonly hosts: readonly string[];
  readonly port: number;
  /** Which cluster addresses may be dialled. */
  readonly egress: EgressPolicy;
}

/** apiConfig reads the environment. @throws Fault config_invalid */
export function apiConfig(env?: Readonly<Record<string, string | undefined>>): ApiConfig {
  const { NM_API_HOST, NM_API_PORT, ...common } = loadConfig(z.intersection(commonConfig, schema), env);
  return { ...common, hosts: NM_API_HOST, port: NM_API_PORT, ...loadConfig(egressConfig, env) };
}
