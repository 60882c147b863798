import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Secret } from '@nm/adapters/config';
import { EgressPolicy } from '@nm/adapters/egress';
import { createLogger, type Logger } from '@nm/adapters/telemetry';
import { Vault } from '@nm/adapters/vault';
import { type Clock, systemClock } from '@nm/kernel/time';
import { createTestDatabase, type TestDatabase } from '../../../libs/testing/test-database.js';
import type { GatewayConfig } from '../src/config.js';
import { type Gateway, type GatewayDeps, startGateway } from '../src/start-gateway.js';

export const masterKey = Buffer.alloc(32, 7);

export function gatewayConfig(databaseUrl: string, more: Partial<GatewayConfig> = {}): GatewayConfig {
  return {
    databaseUrl: new Secret(databaseUrl),
    redisUrl: undefined,
    masterKeys: { kind: 'environment', keys: new Secret([masterKey]) },
    logLevel: 'silent',
    opsHost: '127.0.0.1',
    opsPort: 0,
    drainMs: 3_000,
    drainListenMs: 0,
    publicGatewayUrl: 'http://127.0.0.1:8080',
    publicApiUrl: 'http://127.0.0.1:8090',
    hosts: ['127.0.0.1'],
    port: 0,
    tls: undefined,
    engine: 'net',
    processes: 1,
    tenantConnections: 10_000,
    process: undefined,
    trustedPeers: [],
    proxyProtocol: false,
    logSample: 1,
    decisionSample: 100,
    tracesUrl: undefined,
    tracesSample: 0,
    headersTimeoutMs: 5_000,
    idleTimeoutMs: 10_000,
    egress: new EgressPolicy({ allow: ['127.0.0.0/8'] }),
    ...more,
  };
}

export interface Upstream {
  readonly port: number;
  readonly address: string;
  /** What arrived, newest last. */
  readonly seen: { method: string; url: string; headers: IncomingMessage['headers']; rawHeaders: string[] }[];
  readonly server: Server;
  close(): Promise<void>;
}

/** startUpstream is a small real HTTP server that records; `answer` may take over. */
export async function startUpstream(
  answer: (request: IncomingMessage, response: ServerResponse) => void = (_, response) => response.end('ok'),
): Promise<Upstream> {
  const seen: Upstream['seen'] = [];
  const server = createServer((request, response) => {
    seen.push({
      method: request.method ?? '',
      url: request.url ?? '',
      headers: request.headers,
      rawHeaders: request.rawHeaders,
    });
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    address: `127.0.0.1:${port}`,
    seen,
    server,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

export interface Stage {
  readonly database: TestDatabase;
  readonly vault: Vault;
  readonly gateway: Gateway;
  readonly url: string;
  close(): Promise<void>;
}

/** openStage gives an empty database and a gateway on it, in this process. */
export async function openStage(
  options: {
    clock?: Clock;
    config?: Partial<GatewayConfig>;
    log?: Logger;
    openClusters?: GatewayDeps['openClusters'];
  } = {},
): Promise<Stage> {
  const database = await createTestDatabase();
  const gateway = await startGateway(gatewayConfig(database.url, options.config), {
    clock: options.clock ?? systemClock,
    log: options.log ?? createLogger('gateway', process.env['NM_TEST_LOG'] ?? 'silent'),
    ...(options.openClusters ? { openClusters: options.openClusters } : {}),
  });
  return {
    database,
    vault: new Vault(masterKey),
    gateway,
    url: `http://127.0.0.1:${gateway.port}`,
    close: async () => {
      await gateway.drain();
      await database.close();
    },
  };
}

export const bearer = (key: string): { authorization: string } => ({ authorization: `Bearer ${key}` });

/** codeOf reads our code out of a Kubernetes `Status`, the form in which the cluster proxy refuses. */
export const codeOf = ({
  body,
}: {
  readonly body: { details?: { causes?: { reason: string }[] } };
}): string | undefined => body.details?.causes?.[0]?.reason;
