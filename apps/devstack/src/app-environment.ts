import { delimiter, join } from 'node:path';
import { environment } from '@nm/adapters/config';
import type { DevstackConfig } from './config.js';
import type { OwnCertificate } from './own-certificate.js';
import type { RuntimeChoice } from './runtime-choice.js';

export interface AppEnvironmentInput {
  readonly config: DevstackConfig;
  readonly databaseUrl: string;
  readonly masterKey: string;
  readonly runtime: RuntimeChoice;
  readonly agentPort: number;
  readonly certificate: OwnCertificate;
}

/** ownAddresses are those that the gateway and the API listen on. */
export const ownAddresses = ({ hostAddress }: RuntimeChoice): readonly string[] => [
  '127.0.0.1',
  ...(hostAddress ? [hostAddress] : []),
];

/** programsOf is where programs are put that KAMAs without a container may start, once they are there. */
export const programsOf = (home: string): string => join(home, 'bin');

/** appEnvironment gives every app the same variables; each reads those that it knows. */
export function appEnvironment({
  config,
  databaseUrl,
  masterKey,
  runtime,
  agentPort,
  certificate,
}: AppEnvironmentInput): Record<string, string> {
  const hosts = ownAddresses(runtime).join(',');
  const seenFromKama = runtime.hostAddress ?? '127.0.0.1';
  return {
    PATH: [programsOf(config.home), environment()['PATH'] ?? ''].join(delimiter),
    NM_HOME: config.home,
    NM_DATABASE_URL: databaseUrl,
    ...(config.redisUrl ? { NM_REDIS_URL: config.redisUrl } : {}),
    NM_MASTER_KEY: masterKey,
    NM_LOG_LEVEL: config.logLevel,
    NM_GATEWAY_HOST: hosts,
    NM_GATEWAY_PORT: String(config.gatewayPort),
    NM_GATEWAY_TLS_PORT: String(config.gatewayTlsPort),
    NM_GATEWAY_TLS_CERT_FILE: certificate.certFile,
    NM_GATEWAY_TLS_KEY_FILE: certificate.keyFile,
    NM_GATEWAY_TLS_CA_FILE: certificate.certFile,
    NM_PUBLIC_KUBE_URL: `https://127.0.0.1:${config.gatewayTlsPort}`,
    NM_KAMA_KUBE_URL: `https://${seenFromKama}:${config.gatewayTlsPort}`,
    NM_API_HOST: hosts,
    NM_API_PORT: String(config.apiPort),
    NM_PUBLIC_GATEWAY_URL: `http://127.0.0.1:${config.gatewayPort}`,
    NM_PUBLIC_API_URL: `http://127.0.0.1:${config.apiPort}`,
    NM_KAMA_GATEWAY_URL: `http://${seenFromKama}:${config.gatewayPort}`,
    NM_KAMA_API_URL: `http://${seenFromKama}:${config.apiPort}`,
    NM_RUNTIME_DRIVERS: runtime.driver,
    NM_DOCKER_SOCKET: config.dockerSocket,
    NM_AGENT_PORT: String(agentPort),
    NM_PUBLIC_AGENT_URL: `ws://127.0.0.1:${agentPort}`,
    NM_EGRESS_ALLOW: config.egressAllow.join(','),
    // Shorter than the ten seconds in which Ctrl-C must have stopped everything.
    NM_DRAIN_MS: '4000',
    NM_GATEWAY_DRAIN_LISTEN_MS: '0',
  };
}
