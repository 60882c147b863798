import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { collectDefaultMetrics, Registry } from 'prom-client';

export interface OpsServer {
  readonly registry: Registry;
  readonly port: number;
  /** Readiness; liveness stays true while the process answers at all. */
  setReady(ready: boolean): void;
  close(): Promise<void>;
}

export interface OpsServerOptions {
  readonly app: string;
  readonly host: string;
  readonly port: number;
  /** Extra check of readiness: resolves with the reason why not, or undefined. */
  readonly check?: () => Promise<string | undefined>;
}

/** startOpsServer answers /healthz, /readyz and /metrics on an internal port, apart from the traffic. */
export async function startOpsServer(options: OpsServerOptions): Promise<OpsServer> {
  const registry = new Registry();
  registry.setDefaultLabels({ app: options.app });
  collectDefaultMetrics({ register: registry });
  let ready = false;
  const server: Server = createServer((request, response) => {
    void answer(request.url ?? '/').then(({ status, type, body }) =>
      response.writeHead(status, { 'content-type': type }).end(body),
    );
  });
  const answer = async (url: string) => {
    const path = url.split('?')[0];
    if (path === '/healthz') return { status: 200, type: 'application/json', body: '{"status":"ok"}' };
    if (path === '/readyz') {
      const reason = ready ? await options.check?.().catch((error: Error) => error.message) : 'not ready';
      return {
        status: reason ? 503 : 200,
        type: 'application/json',
        body: JSON.stringify(reason ? { status: 'unready', reason } : { status: 'ok' }),
      };
    }
    if (path === '/metrics') return { status: 200, type: registry.contentType, body: await registry.metrics() };
    return { status: 404, type: 'application/json', body: '{"error":"Not found"}' };
  };
  await new Promise<void>((resolve, reject) =>
    server.once('error', reject).listen(options.port, options.host, resolve),
  );
  return {
    registry,
    port: (server.address() as AddressInfo).port,
    setReady: (value) => {
      ready = value;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
