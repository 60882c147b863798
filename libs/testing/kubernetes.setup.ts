import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { TestProject } from 'vitest/node';
import { missing } from './needs.js';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Admin kubeconfig of the run's cluster; empty when there is none. */
    kubeconfigPath: string;
    /** Folder with the kubectl that was built beside the cluster; empty when the cluster is not ours. */
    kubernetesBin: string;
    /** The API server's own log of writes of ConfigMaps and Jobs; empty when the cluster is not ours. */
    kubernetesAuditLog: string;
  }
}

const run = promisify(execFile);
const kubelab = join(import.meta.dirname, '../../tools/kubelab/main.ts');

interface Lab {
  readonly path: string;
  readonly bin: string;
  readonly auditLog: string;
  readonly stop: () => Promise<void>;
}

/** build shows its progress, and gives the folder of the programs: Kubernetes, and helm as one of its clients. */
async function build(env: NodeJS.ProcessEnv): Promise<string> {
  const child = spawn(process.execPath, [kubelab, 'build', '--helm'], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  let printed = '';
  child.stdout.on('data', (chunk: Buffer) => {
    printed += chunk.toString();
  });
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`kubelab build ended with ${code}`);
  return printed.trim().split('\n').at(-1) ?? '';
}

let shared: Promise<Lab> | undefined;
let users = 0;

async function start(): Promise<Lab> {
  const own = process.env['NM_TEST_KUBECONFIG'];
  if (own) return { path: own, bin: '', auditLog: '', stop: async () => undefined };
  const home = await mkdtemp(join(tmpdir(), 'nm-test-k8s-'));
  const env = { ...process.env, NM_KUBELAB_HOME: home };
  const bin = await build(env);
  const { stdout } = await run(
    process.execPath,
    [kubelab, 'up', '--name', 'tests', '--ephemeral', '--audit', '--owner-pid', String(process.pid), '--json'],
    { env },
  );
  const { kubeconfigPath, dir } = JSON.parse(stdout.trim().split('\n').at(-1) ?? '{}') as Record<string, string>;
  return {
    path: kubeconfigPath ?? '',
    bin,
    auditLog: join(dir ?? '', 'log', 'audit.log'),
    stop: async () => {
      await run(process.execPath, [kubelab, 'down', '--name', 'tests', '--wipe'], { env });
      await rm(home, { recursive: true, force: true });
    },
  };
}

/** One Kubernetes for the whole run (kwok nodes); tests keep apart by namespace. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  if (missing('kubernetes')) {
    project.provide('kubeconfigPath', '');
    project.provide('kubernetesBin', '');
    project.provide('kubernetesAuditLog', '');
    return async () => undefined;
  }
  users++;
  shared ??= start();
  const lab = await shared;
  project.provide('kubeconfigPath', lab.path);
  project.provide('kubernetesBin', lab.bin);
  project.provide('kubernetesAuditLog', lab.auditLog);
  return async () => {
    if (--users === 0) {
      shared = undefined;
      await lab.stop();
    }
  };
}
