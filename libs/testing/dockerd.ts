import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { systemClock } from '@nm/kernel/time';
import Docker from 'dockerode';

const run = promisify(execFile);

export interface Dockerd {
  /** Path of the engine's socket. */
  readonly socket: string;
  readonly engine: Docker;
  /** Removes its containers and networks, stops it, and erases its folder. */
  stop(): Promise<void>;
}

const startMsMax = 30_000;
const stopMsMax = 20_000;

/**
 * startDockerd runs a container engine of its own, with everything in a temporary folder. It leaves the machine's packet filter and other engines
 * alone: no iptables rules, no default bridge. A container reaches this machine and this machine a container, and nobody else, which is all that tests need.
 */
export async function startDockerd(): Promise<Dockerd> {
  const folder = await mkdtemp(join(tmpdir(), 'nm-dockerd-'));
  const socket = join(folder, 'docker.sock');
  // Two engines must not hand out the same addresses; they cannot know of each other.
  const subnet = `10.${200 + (process.pid % 50)}.0.0/16`;
  const child = spawn(
    'dockerd',
    [
      ['--data-root', join(folder, 'data')],
      ['--exec-root', join(folder, 'exec')],
      ['--pidfile', join(folder, 'pid')],
      ['--host', `unix://${socket}`],
      ['--default-address-pool', `base=${subnet},size=24`],
      ['--bridge=none', '--iptables=false', '--ip6tables=false', '--log-level=warn'],
    ].flat(),
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' },
    },
  );
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-4000);
    });
  const engine = new Docker({ socketPath: socket });
  try {
    await answers(engine, child);
  } catch (error) {
    child.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
    throw new Error(`dockerd did not start: ${(error as Error).message}\n${output}`);
  }
  return {
    socket,
    engine,
    stop: async () => {
      await empty(engine).catch(() => undefined);
      await end(child, join(folder, 'exec/containerd/containerd.pid'));
      // dockerd leaves its handle on the machine's network namespace mounted; nothing can be erased around it.
      await run('umount', [join(folder, 'exec/netns/default')]).catch(() => undefined);
      await rm(folder, { recursive: true, force: true, maxRetries: 3, retryDelay: 200 });
    },
  };
}

async function answers(engine: Docker, child: ChildProcess): Promise<void> {
  for (let waitedMs = 0; ; waitedMs += 100) {
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`);
    const ok = await engine.ping().then(
      () => true,
      () => false,
    );
    if (ok) return;
    if (waitedMs > startMsMax) throw new Error('it does not answer');
    await systemClock.sleep(100);
  }
}

async function empty(engine: Docker): Promise<void> {
  for (const { Id } of await engine.listContainers({ all: true }))
    await engine.getContainer(Id).remove({ force: true });
  for (const { Id, Driver } of await engine.listNetworks())
    if (Driver === 'bridge') await engine.getNetwork(Id).remove();
}

async function end(child: ChildProcess, containerdPidFile: string): Promise<void> {
  const containerd = Number(await readFile(containerdPidFile, 'utf8').catch(() => ''));
  if (child.exitCode === null && child.signalCode === null) {
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill('SIGTERM');
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      if (containerd > 1) process.kill(containerd, 'SIGKILL');
    }, stopMsMax);
    await ended;
    clearTimeout(timer);
  }
}
