import { join, resolve } from 'node:path';
import { environment, loadConfig, Port, SecretText } from '@nm/adapters/config';
import { z } from 'zod';

const url = z.url().transform((text) => text.replace(/\/$/, ''));

/** The operator needs no master key: it starts other people's programs and opens no secret. */
const schema = z.object({
  NM_DATABASE_URL: SecretText,
  NM_LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
  NM_OPS_HOST: z.string().default('127.0.0.1'),
  NM_OPS_PORT: Port.default(0),
  NM_DRAIN_MS: z.coerce.number().int().min(0).max(600_000).default(8_000),
  NM_PUBLIC_GATEWAY_URL: url.default('http://127.0.0.1:8080'),
  NM_PUBLIC_API_URL: url.default('http://127.0.0.1:8090'),
  /** The same two as KAMAs see them. */
  NM_KAMA_GATEWAY_URL: url.optional(),
  NM_KAMA_API_URL: url.optional(),
  /** The gateway as Kubernetes clients in KAMAs see it; they want https. */
  NM_KAMA_KUBE_URL: url.optional(),
  /** Process driver: below it are the files that KAMAs are given; absent: in a temporary folder. */
  NM_HOME: z.string().optional(),
  /** `auto`: containers when an engine answers, else processes. `docker,process`: the first that can run a version. */
  NM_RUNTIME_DRIVERS: z.enum(['auto', 'docker', 'process', 'docker,process', 'process,docker']).default('auto'),
  /** Process driver: where KAMAs listen, and how gateways reach that. */
  NM_RUNTIME_BIND_HOST: z.string().default('127.0.0.1'),
  NM_RUNTIME_ADVERTISE_HOST: z.string().default('127.0.0.1'),
  /** Process driver: working directory of the commands. */
  NM_PROCESS_ROOT: z.string().default(process.cwd()),
  NM_DOCKER_SOCKET: z.string().default('/var/run/docker.sock'),
  NM_DOCKER_NETWORK: z.string().default('nmachine-kama'),
  /** Publishes each KAMA on a port of this address, for gateways that cannot reach the containers' network. */
  NM_DOCKER_PUBLISH_HOST: z.string().optional(),
  /** Memory of the process that serves bundles. */
  NM_BUNDLE_HOST_MIB: z.coerce.number().int().min(128).max(16_384).default(512),
  /** Seconds between SIGTERM and SIGKILL. */
  NM_KAMA_GRACE_SECONDS: z.coerce.number().int().min(1).max(300).default(10),
});

export type OperatorConfig = ReturnType<typeof readConfig>;

/** readConfig reads the operator's variables. */
export function readConfig() {
  const env = loadConfig(schema);
  const inherited = environment();
  return {
    databaseUrl: env.NM_DATABASE_URL,
    logLevel: env.NM_LOG_LEVEL,
    opsHost: env.NM_OPS_HOST,
    opsPort: env.NM_OPS_PORT,
    drainMs: env.NM_DRAIN_MS,
    urls: {
      apiUrl: env.NM_KAMA_API_URL ?? env.NM_PUBLIC_API_URL,
      gatewayUrl: env.NM_KAMA_GATEWAY_URL ?? env.NM_PUBLIC_GATEWAY_URL,
      kubeUrl: env.NM_KAMA_KUBE_URL ?? env.NM_KAMA_GATEWAY_URL ?? env.NM_PUBLIC_GATEWAY_URL,
    },
    drivers: env.NM_RUNTIME_DRIVERS,
    graceMs: env.NM_KAMA_GRACE_SECONDS * 1000,
    process: {
      root: env.NM_PROCESS_ROOT,
      bindHost: env.NM_RUNTIME_BIND_HOST,
      advertiseHost: env.NM_RUNTIME_ADVERTISE_HOST,
      path: inherited['PATH'] ?? '/usr/bin:/bin',
      tmpDir: inherited['TMPDIR'],
      filesDir: env.NM_HOME === undefined ? undefined : join(resolve(env.NM_HOME), 'kama'),
    },
    bundleHost: {
      command: [
        process.execPath,
        `--max-old-space-size=${env.NM_BUNDLE_HOST_MIB}`,
        join(import.meta.dirname, '../../kama/src/main.js'),
        'host',
      ],
    },
    docker: {
      socketPath: env.NM_DOCKER_SOCKET,
      network: env.NM_DOCKER_NETWORK,
      publishHost: env.NM_DOCKER_PUBLISH_HOST,
    },
  };
}
