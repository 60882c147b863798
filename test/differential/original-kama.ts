import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '../../libs/testing/free-port.js';

const run = promisify(execFile);
const here = import.meta.dirname;
const installMs = 600_000;
const startMs = 180_000;

export interface OriginalKama {
  readonly url: string;
  /** What it printed last: for a test that fails. */
  printed(): string;
  stop(): Promise<void>;
}

/** pythonWithSdk makes an environment with the original SDK, once for each list of requirements. */
export async function pythonWithSdk(): Promise<string> {
  const requirements = join(here, 'requirements.txt');
  const digest = createHash('sha256')
    .update(await readFile(requirements))
    .digest('hex')
    .slice(0, 16);
  const folder = join(here, '../../node_modules/.cache/differential', digest);
  const python = join(folder, 'bin/python');
  const done = join(folder, 'done');
  if (existsSync(done)) return python;
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await run('python3', ['-m', 'venv', folder], { timeout: installMs });
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-deps', '-r', requirements];
  await run(python, pip, { timeout: installMs });
  await writeFile(done, '');
  return python;
}

/** startOriginal runs the original's server and its worker on a namespace. */
export async function startOriginal(options: {
  readonly python: string;
  readonly kubeconfigPath: string;
  readonly kubernetesBin: string;
  readonly redisUrl: string;
  readonly namespace: string;
  readonly descriptors: string;
}): Promise<OriginalKama> {
  const port = await freePort();
  const env = {
    PATH: `${options.kubernetesBin}:${process.env['PATH']}`,
    HOME: process.env['HOME'] ?? '/',
    KUBECONFIG: options.kubeconfigPath,
    CONNECT_TYPE: 'kube-config',
    FLASK_ENV: 'production',
    KAT_ENV: 'production',
    WORK_REDIS_URL: options.redisUrl,
    DESCRIPTORS: options.descriptors,
    PYTHONUNBUFFERED: '1',
    PYTHONDONTWRITEBYTECODE: '1',
  };
  let printed = '';
  const start = (...args: string[]): ChildProcess => {
    const child = spawn(options.python, [join(here, 'original.py'), ...args, '-n', options.namespace], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const keep = (chunk: Buffer): void => {
      printed = (printed + chunk.toString()).slice(-20_000);
    };
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
    return child;
  };
  const children = [start('server', '--port', String(port)), start('worker')];
  const url = `http://127.0.0.1:${port}`;
  const stop = async (): Promise<void> => {
    await Promise.all(children.map(ended));
  };
  const deadline = AbortSignal.timeout(startMs);
  while (!(await answers(`${url}/api/ping`))) {
    if (deadline.aborted || children.some((child) => child.exitCode !== null)) {
      await stop();
      throw new Error(`the original did not start:\n${printed}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  return { url, printed: () => printed, stop };
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok;
  } catch {
    return false;
  }
}

/** The worker forks one process a job; SIGKILL would leave it, so it gets time to end by itself. */
async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const kill = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await exit;
  clearTimeout(kill);
}
