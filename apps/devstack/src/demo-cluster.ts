import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdir, readFile, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { environment } from '@nm/adapters/config';
import type { Cluster, Install } from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import { systemClock } from '@nm/kernel/time';
import { ApiClient } from './api-client.js';
import { programsOf } from './app-environment.js';
import { type DevstackConfig, projectRoot } from './config.js';
import { type Demo, type DemoApp, writeDemo } from './seed-demo.js';

const run = promisify(execFile);
const kubelab = join(projectRoot, 'tools/kubelab/main.ts');
const namespace = 'guestbook';
const provisionMsMax = 120_000;

export interface DemoCluster {
  /** Resolves when the cluster is registered, or with the reason why not. */
  readonly ready: Promise<{ kubeconfigPath: string } | { reason: string }>;
  stop(): Promise<void>;
}

/** hasGo tells whether a Kubernetes can be built here. */
export const hasGo = (): Promise<boolean> =>
  run('go', ['version']).then(
    () => true,
    () => false,
  );

/**
 * startDemoCluster builds (the first time) and starts a local Kubernetes in the background, registers it with the active licence
 * through the public API, and installs the demo on it. Its owner is this process: it ends with us, even after kill -9.
 */
export function startDemoCluster(config: DevstackConfig, demo: Demo): DemoCluster {
  const env = { ...environment(), NM_KUBELAB_HOME: join(config.home, 'kubelab') } as NodeJS.ProcessEnv;
  const log = createWriteStream(join(config.home, 'logs', 'kubelab.log'), { flags: 'a' });
  let current: ChildProcess | undefined;
  let stopped = false;
  const call = (...args: string[]) =>
    new Promise<string>((resolve, reject) => {
      const child = spawn(process.execPath, [kubelab, ...args], {
        cwd: projectRoot,
        env,
        detached: true,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      current = child;
      let output = '';
      child.stdout.on('data', (chunk: Buffer) => {
        output += chunk.toString();
        log.write(chunk);
      });
      child.stderr.pipe(log, { end: false });
      child.once('error', reject);
      child.once('close', (code) =>
        code === 0
          ? resolve(output)
          : reject(
              new Fault('internal', {
                public: `kubelab ${args[0]} ended with ${code}; see ${config.home}/logs/kubelab.log`,
              }),
            ),
      );
    });

  const bringUp = async () => {
    const built = (await call('build', '--helm')).trim().split('\n').at(-1) ?? '';
    await lendHelm(config.home, built);
    const output = await call('up', '--name', 'demo', '--owner-pid', String(process.pid), '--json');
    const { kubeconfigPath } = JSON.parse(output.trim().split('\n').at(-1) ?? '{}') as { kubeconfigPath: string };
    await registerAndInstall(config, { ...demo, kubeconfig: kubeconfigPath });
    return { kubeconfigPath };
  };
  return {
    ready: bringUp().catch((error: unknown) => ({
      reason: stopped ? 'stopped' : error instanceof Fault ? error.publicMessage : (error as Error).message,
    })),
    stop: async () => {
      stopped = true;
      if (current?.exitCode === null && current.pid) {
        // The build runs compilers as children of its own: end the whole group.
        try {
          process.kill(-current.pid, 'SIGTERM');
        } catch {
          // It has just ended by itself.
        }
      }
      await run(process.execPath, [kubelab, 'down', '--name', 'demo'], { env }).catch(() => undefined);
    },
  };
}

async function registerAndInstall(config: DevstackConfig, demo: Demo & { kubeconfig: string }): Promise<void> {
  const kubeconfig = await readFile(demo.kubeconfig, 'utf8');
  const licensee = new ApiClient(demo.apiUrl, demo.licences.active);
  const { data: clusters } = await licensee.get<{ data: Cluster[] }>('/v1/clusters');
  const cluster =
    clusters.find((known) => known.name === 'demo') ??
    (await licensee.post<Cluster>('/v1/clusters', { name: 'demo', kubeconfig }));
  const install = await installOn(licensee, cluster.id, namespace);
  const apps: Record<string, DemoApp> = {};
  for (const [slug, { licence }] of Object.entries(demo.apps))
    apps[slug] = { licence, install: await installOn(new ApiClient(demo.apiUrl, licence), cluster.id, slug) };
  await writeDemo(config.home, { ...demo, apps, cluster: cluster.id, install });
}

/** installOn gives the id of an install, made by the licence where there is none; a licence sees all of its customer's. @throws Fault internal when it does not get ready */
async function installOn(licensee: ApiClient, clusterId: string, into: string): Promise<string> {
  const { data: installs } = await licensee.get<{ data: Install[] }>('/v1/installs');
  let install =
    installs.find((known) => known.clusterId === clusterId && known.namespace === into && known.state !== 'removed') ??
    (await licensee.post<Install>('/v1/installs', { clusterId, namespace: into }));
  for (const startedMs = systemClock.monotonicMs(); install.state === 'provisioning'; await systemClock.sleep(250)) {
    if (systemClock.monotonicMs() - startedMs > provisionMsMax)
      throw new Fault('internal', { public: 'the demo install was not provisioned in time; see its run' });
    install = await licensee.get<Install>(`/v1/installs/${install.id}`);
  }
  if (install.state !== 'ready')
    throw new Fault('internal', {
      public: `the demo install is ${install.state}; see GET /v1/runs/${install.provisionRunId}`,
    });
  return install.id;
}

/** lendHelm puts the helm that was built beside the cluster where KAMAs that run as processes look for programs. */
async function lendHelm(home: string, bin: string): Promise<void> {
  const programs = programsOf(home);
  await mkdir(programs, { recursive: true });
  await rm(join(programs, 'helm'), { force: true });
  await symlink(join(bin, 'helm'), join(programs, 'helm'));
}
