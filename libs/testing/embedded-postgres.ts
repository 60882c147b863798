import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, chown, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Fault } from '@nm/kernel/fault';
import { systemClock } from '@nm/kernel/time';
import { postgresBinaries } from './postgres-binaries.js';
import { type UnixIds, unprivilegedIds } from './postgres-user.js';
import { processAlive } from './process-alive.js';

export interface EmbeddedPostgres {
  /** URL of the superuser, database `postgres`. */
  readonly adminUrl: string;
  readonly pid: number;
  /** Fast shutdown: open transactions are rolled back, data is kept. */
  stop(): Promise<void>;
}

export interface EmbeddedPostgresOptions {
  readonly dataDir: string;
  readonly port: number;
  readonly password: string;
  /** Throw-away data: no fsync, much faster tests. */
  readonly volatile?: boolean;
  readonly onLog?: (line: string) => void;
}

const startMsMax = 30_000;

/**
 * startPostgres initialises `dataDir` on first use and starts PostgreSQL on 127.0.0.1.
 * A postmaster that a killed start left behind on the same folder is stopped first; nothing is lost, its WAL is replayed.
 */
export async function startPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const ids = await unprivilegedIds();
  const binaries = await postgresBinaries();
  await stopLeftover(options.dataDir);
  if (!existsSync(join(options.dataDir, 'PG_VERSION'))) await initialise(binaries.initdb, options, ids);
  const flags = [
    '-D',
    options.dataDir,
    '-p',
    String(options.port),
    '-h',
    '127.0.0.1',
    '-k',
    '',
    '-c',
    'max_connections=200',
    '-c',
    'max_wal_size=256MB',
  ];
  if (options.volatile) flags.push('-c', 'fsync=off', '-c', 'synchronous_commit=off', '-c', 'full_page_writes=off');
  // Its own process group: Ctrl-C in a terminal reaches the whole group, and the apps must drain before their database goes.
  const child = spawn(binaries.postgres, flags, {
    ...ids,
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { LC_ALL: 'C', PATH: '/usr/bin:/bin' },
  });
  await ready(child, options);
  child.stderr?.removeAllListeners('data').on('data', (chunk: Buffer) => options.onLog?.(chunk.toString()));
  return {
    adminUrl: `postgresql://postgres:${encodeURIComponent(options.password)}@127.0.0.1:${options.port}/postgres`,
    pid: child.pid as number,
    stop: () => stopProcess(child),
  };
}

async function initialise(initdb: string, options: EmbeddedPostgresOptions, ids: UnixIds | undefined): Promise<void> {
  await rm(options.dataDir, { recursive: true, force: true });
  await mkdir(options.dataDir, { recursive: true, mode: 0o700 });
  const passwordFile = `${options.dataDir}.initdb`;
  await writeFile(passwordFile, `${options.password}\n`, { mode: 0o600 });
  if (ids) {
    await chown(options.dataDir, ids.uid, ids.gid);
    await chown(passwordFile, ids.uid, ids.gid);
    await chmod(dirname(options.dataDir), 0o755);
  }
  let output = '';
  try {
    const args = [
      `--pgdata=${options.dataDir}`,
      '--auth=scram-sha-256',
      '--username=postgres',
      `--pwfile=${passwordFile}`,
      '--encoding=UTF8',
      '--locale=C',
      '--no-sync',
    ];
    const child = spawn(initdb, args, {
      ...ids,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { LC_ALL: 'C', PATH: '/usr/bin:/bin' },
    });
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const code = await new Promise<number | null>((resolve, reject) =>
      child.once('error', reject).once('close', resolve),
    );
    if (code !== 0) throw new Error(`initdb ended with ${code}: ${output.slice(-500)}`);
  } catch (cause) {
    await rm(options.dataDir, { recursive: true, force: true });
    const full = /No space left/.test(output);
    throw new Fault('store_unavailable', {
      public: full
        ? `The disk that holds ${options.dataDir} is full. Free some space, or set NM_HOME to a folder on another disk, and start again.`
        : `PostgreSQL could not be initialised in ${options.dataDir}: ${(cause as Error).message}`,
      cause,
    });
  } finally {
    await rm(passwordFile, { force: true });
  }
}

function ready(child: ChildProcess, options: EmbeddedPostgresOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    let output = '';
    const fail = (reason: string) =>
      reject(new Fault('store_unavailable', { public: reason, internal: output.slice(-2000) }));
    const timer = setTimeout(() => fail(`PostgreSQL was not ready after ${startMsMax / 1000} s.`), startMsMax);
    child.stderr?.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      options.onLog?.(chunk.toString());
      if (!output.includes('ready to accept connections')) return;
      clearTimeout(timer);
      resolve();
    });
    child.once('error', (error) => fail(error.message));
    child.once('exit', () => {
      clearTimeout(timer);
      if (/Address already in use|could not create any TCP/.test(output))
        return fail(
          `Port ${options.port} is taken, and PostgreSQL needs it. Stop the program that holds it, or set NM_POSTGRES_PORT to a free port.`,
        );
      if (/No space left/.test(output))
        return fail(
          `The disk that holds ${options.dataDir} is full. Free some space and start again; nothing is lost.`,
        );
      fail(`PostgreSQL did not start: ${output.trim().split('\n').slice(-3).join(' ')}`);
    });
  });
}

async function stopProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGINT');
  await ended;
}

async function stopLeftover(dataDir: string): Promise<void> {
  const text = await readFile(join(dataDir, 'postmaster.pid'), 'utf8').catch(() => undefined);
  const [pidLine, dirLine] = text?.split('\n') ?? [];
  const pid = Number(pidLine);
  if (!Number.isInteger(pid) || pid <= 1 || dirLine !== dataDir || !processAlive(pid)) return;
  // After a reboot the number may belong to somebody else: only a process whose command line names this folder is ours.
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => dataDir);
  if (!command.includes(dataDir)) return;
  process.kill(pid, 'SIGINT');
  for (let waitedMs = 0; processAlive(pid) && waitedMs < 10_000; waitedMs += 100) await systemClock.sleep(100);
}
