import { type ChildProcess, spawn } from 'node:child_process';
import { freePort } from './free-port.js';

export interface TestRedis {
  readonly url: string;
  /** Ends the server; what it held is lost. */
  stop(): Promise<void>;
  /** Ends the server at once (SIGKILL) and starts an empty one on the same port. */
  restart(): Promise<void>;
}

/** startRedis runs a redis-server of its own, in memory only, on a free port of 127.0.0.1. */
export async function startRedis(options: { readonly maxmemoryPolicy?: string } = {}): Promise<TestRedis> {
  const port = await freePort();
  const start = () => launch(port, options.maxmemoryPolicy ?? 'noeviction');
  let server = await start();
  return {
    url: `redis://127.0.0.1:${port}`,
    stop: () => end(server, 'SIGTERM'),
    restart: async () => {
      await end(server, 'SIGKILL');
      server = await start();
    },
  };
}

async function launch(port: number, maxmemoryPolicy: string): Promise<ChildProcess> {
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', '/tmp'];
  const server = spawn('redis-server', [...args, '--maxmemory-policy', maxmemoryPolicy], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise<void>((resolve, reject) => {
    let output = '';
    server.stdout?.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      if (output.includes('Ready to accept connections')) resolve();
    });
    server.once('error', reject).once('exit', () => reject(new Error(`redis-server ended: ${output.slice(-500)}`)));
  });
  return server;
}

async function end(server: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const ended = new Promise<void>((resolve) => server.once('exit', () => resolve()));
  server.kill(signal);
  await ended;
}
