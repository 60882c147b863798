import { join, resolve } from 'node:path';
import { CommaList, loadConfig, Port, SecretText } from '@nm/adapters/config';
import { z } from 'zod';

/** The project's root, seen from dist/apps/devstack/src. */
export const projectRoot = resolve(import.meta.dirname, '../../../..');

const schema = z.object({
  NM_HOME: z.string().default(join(projectRoot, '.nmachine')),
  NM_GATEWAY_PORT: Port.default(8080),
  /** The gateway over TLS, for kubectl and its kin. */
  NM_GATEWAY_TLS_PORT: Port.default(8443),
  NM_API_PORT: Port.default(8090),
  NM_OPS_PORT: Port.default(8099),
  /** Where agents of private clusters dial in; the same at each start, so that they come back. */
  NM_AGENT_PORT: Port.default(8082),
  /** Below the ephemeral range, so that no outgoing connection of somebody else sits on it. */
  NM_POSTGRES_PORT: Port.default(15432),
  NM_DATABASE_URL: SecretText.optional(),
  NM_MIGRATION_DATABASE_URL: SecretText.optional(),
  NM_REDIS_URL: SecretText.optional(),
  NM_RUNTIME_DRIVERS: z.enum(['auto', 'docker', 'process']).default('auto'),
  NM_DOCKER_SOCKET: z.string().default('/var/run/docker.sock'),
  /** `off` starts no Kubernetes for the demo. */
  NM_KUBELAB: z.enum(['auto', 'off']).default('auto'),
  NM_EGRESS_ALLOW: CommaList.default(['127.0.0.0/8', '::1/128']),
  NM_LOG_LEVEL: z.string().default('info'),
});

export interface DevstackConfig {
  readonly home: string;
  readonly gatewayPort: number;
  readonly gatewayTlsPort: number;
  readonly apiPort: number;
  readonly opsPort: number;
  readonly agentPort: number;
  readonly postgresPort: number;
  readonly databaseUrl: string | undefined;
  readonly migrationDatabaseUrl: string | undefined;
  readonly redisUrl: string | undefined;
  readonly runtimeDrivers: 'auto' | 'docker' | 'process';
  readonly dockerSocket: string;
  readonly kubelab: 'auto' | 'off';
  readonly egressAllow: readonly string[];
  readonly logLevel: string;
}

/** readConfig reads the devstack's variables; everything has a default, so that `npm start` needs none. */
export function readConfig(): DevstackConfig {
  const env = loadConfig(schema);
  return {
    home: resolve(env.NM_HOME),
    gatewayPort: env.NM_GATEWAY_PORT,
    gatewayTlsPort: env.NM_GATEWAY_TLS_PORT,
    apiPort: env.NM_API_PORT,
    opsPort: env.NM_OPS_PORT,
    agentPort: env.NM_AGENT_PORT,
    postgresPort: env.NM_POSTGRES_PORT,
    databaseUrl: env.NM_DATABASE_URL?.reveal(),
    migrationDatabaseUrl: env.NM_MIGRATION_DATABASE_URL?.reveal(),
    redisUrl: env.NM_REDIS_URL?.reveal(),
    runtimeDrivers: env.NM_RUNTIME_DRIVERS,
    dockerSocket: env.NM_DOCKER_SOCKET,
    kubelab: env.NM_KUBELAB,
    egressAllow: env.NM_EGRESS_ALLOW,
    logLevel: env.NM_LOG_LEVEL,
  };
}
