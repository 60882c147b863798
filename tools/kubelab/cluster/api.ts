import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { join } from 'node:path';

/** Answer of the API server. */
export interface ApiAnswer {
  readonly status: number;
  readonly text: string;
}

/** The little of a Kubernetes client that starting a cluster needs. */
export interface Api {
  get(path: string): Promise<ApiAnswer>;
  /** Server-side apply of one object. */
  apply(path: string, object: object): Promise<ApiAnswer>;
  close(): void;
}

/** A client with the admin certificate of the cluster in `dir`. */
export function adminApi(dir: string, port: number): Api {
  const pem = (file: string) => readFileSync(join(dir, 'pki', file));
  const agent = new Agent({ keepAlive: true, ca: pem('ca.crt'), cert: pem('admin.crt'), key: pem('admin.key') });
  const call = (method: string, path: string, body?: object) =>
    send(
      {
        agent,
        host: '127.0.0.1',
        port,
        method,
        path,
        ...(body ? { headers: { 'content-type': 'application/apply-patch+yaml' } } : {}),
      },
      body,
    );
  return {
    get: (path) => call('GET', path),
    apply: (path, object) => call('PATCH', `${path}?fieldManager=kubelab&force=true`, object),
    close: () => agent.destroy(),
  };
}

/** Whether the health endpoint of a component answers 200. Its certificate is self-made in memory, and nothing is told to it: not checked. */
export async function isHealthy(port: number, path = '/readyz'): Promise<boolean> {
  const answer = await send({
    host: '127.0.0.1',
    port,
    method: 'GET',
    path,
    rejectUnauthorized: false,
    agent: false,
  }).catch(() => undefined);
  return answer?.status === 200;
}

function send(options: import('node:https').RequestOptions, body?: object): Promise<ApiAnswer> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ timeout: 10_000, ...options }, (incoming) => {
      let text = '';
      incoming.setEncoding('utf8');
      incoming.on('data', (chunk: string) => {
        text += chunk;
      });
      incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, text }));
      incoming.on('error', reject);
    });
    outgoing.on('timeout', () => outgoing.destroy(new Error('no answer in 10 s')));
    outgoing.on('error', reject);
    outgoing.end(body ? JSON.stringify(body) : undefined);
  });
}
