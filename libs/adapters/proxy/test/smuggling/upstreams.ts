import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, createServer as createTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Seen {
  readonly method: string;
  readonly target: string;
  /** latin1 */
  readonly body: string;
}

/** An upstream of another make, which tells what it took for requests. */
export interface Upstream {
  readonly origin: string;
  readonly seen: Seen[];
  close(): Promise<void>;
}

/** nodeUpstream is node:http. */
export async function nodeUpstream(): Promise<Upstream> {
  const seen: Seen[] = [];
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const one = {
        method: request.method ?? '',
        target: request.url ?? '',
        body: Buffer.concat(chunks).toString('latin1'),
      };
      seen.push(one);
      response.end(JSON.stringify(one));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    close: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

const end = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await gone;
};

/** pythonUpstream is Python's http.server. */
export async function pythonUpstream(): Promise<Upstream> {
  const child = spawn('python3', [join(import.meta.dirname, 'upstream.py')], { stdio: ['ignore', 'pipe', 'inherit'] });
  const seen: Seen[] = [];
  const lines = createInterface({ input: child.stdout });
  const port = await new Promise<string>((resolve, reject) => {
    child.once('exit', () => reject(new Error('python3 ended early')));
    lines.once('line', (line) => {
      lines.on('line', (text) => seen.push(JSON.parse(text) as Seen));
      resolve(line);
    });
  });
  return { origin: `http://127.0.0.1:${port}`, seen, close: () => end(child) };
}

async function freePort(): Promise<number> {
  const server = createTcp();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });

/** nginxUpstream is nginx, which passes on what it took for requests to node:http. */
export async function nginxUpstream(): Promise<Upstream> {
  const behind = await nodeUpstream();
  const folder = mkdtempSync(join(tmpdir(), 'nm-nginx-'));
  const port = await freePort();
  writeFileSync(
    join(folder, 'nginx.conf'),
    `daemon off; master_process off; pid ${folder}/pid; error_log ${folder}/error.log;
events { worker_connections 256; }
http {
  access_log off; merge_slashes off;
  client_body_temp_path ${folder}; proxy_temp_path ${folder}; fastcgi_temp_path ${folder}; uwsgi_temp_path ${folder}; scgi_temp_path ${folder};
  server { listen 127.0.0.1:${port}; location / { proxy_pass ${behind.origin}; proxy_http_version 1.1; proxy_set_header Connection ""; } }
}`,
  );
  const program = process.getuid?.() === 0 ? '/usr/sbin/nginx' : 'nginx';
  const child = spawn(program, ['-p', folder, '-c', join(folder, 'nginx.conf')], { stdio: 'ignore' });
  for (let i = 0; i < 500 && !(await answers(port)); i++) await sleep(20);
  return {
    origin: `http://127.0.0.1:${port}`,
    seen: behind.seen,
    close: async () => {
      await end(child);
      await behind.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
