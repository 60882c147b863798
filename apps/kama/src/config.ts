import { loadConfig, Port } from '@nm/adapters/config';
import { egressConfig } from '@nm/adapters/egress';
import { z } from 'zod';

const host = {
  HOST: z.string().default('127.0.0.1'),
  PORT: Port.default(5000),
  NM_API_URL: z.url(),
  NM_GATEWAY_URL: z.url(),
  NM_JWKS_URL: z.url(),
  NM_LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
};

/** What NMachine tells every KAMA that it starts; see docs/runtime-contract.md. */
const schema = z.object({
  ...host,
  NM_APP_ID: z.string().min(1),
  NM_ORG: z.string().min(1),
  NM_APP: z.string().min(1),
  NM_VERSION: z.string().min(1),
});

/** kamaConfig reads the environment of a KAMA that NMachine hosts. @throws Fault config_invalid */
export function kamaConfig(env?: Readonly<Record<string, string | undefined>>) {
  const read = loadConfig(schema, env);
  const app = { id: read.NM_APP_ID, org: read.NM_ORG, name: read.NM_APP, version: read.NM_VERSION };
  return { ...placesOf(read), app, ...loadConfig(egressConfig, env) };
}

/** hostConfig reads the environment of the host of bundles: each request says which app it is for. @throws Fault config_invalid */
export const hostConfig = (env?: Readonly<Record<string, string | undefined>>) => ({
  ...placesOf(loadConfig(z.object(host), env)),
  ...loadConfig(egressConfig, env),
});

const placesOf = (read: z.infer<z.ZodObject<typeof host>>) => ({
  host: read.HOST,
  port: read.PORT,
  apiUrl: read.NM_API_URL.replace(/\/+$/, ''),
  gatewayUrl: read.NM_GATEWAY_URL.replace(/\/+$/, ''),
  jwksUrl: read.NM_JWKS_URL,
  logLevel: read.NM_LOG_LEVEL,
});
