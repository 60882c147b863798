import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { recordChange } from '@nm/adapters/db';
import { createLogger } from '@nm/adapters/telemetry';
import { Vault } from '@nm/adapters/vault';
import { createKubeconfig, type TokenDeps } from '@nm/features/cluster-access';
import { ContextKeys } from '@nm/features/context';
import type { CreateKubeconfig, Kubeconfig, RbacPolicy } from '@nm/kernel/contracts';
import { systemClock } from '@nm/kernel/time';
import { expect } from 'vitest';
import { parse } from 'yaml';
import { selfSigned } from '../../../libs/testing/certificates.js';
import { openRunLab, type RunLab } from '../../../libs/testing/run-lab.js';
import type { GatewayConfig } from '../src/config.js';
import { startGateway } from '../src/start-gateway.js';
import { gatewayConfig } from './fixture.js';

/** How a program ended, and what it said. */
export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program that runs on. */
export interface Running {
  readonly child: ChildProcess;
  readonly said: () => string;
  readonly complained: () => string;
  readonly ended: Promise<Ran>;
}

export interface RunOptions {
  readonly input?: string | Buffer;
  readonly kubeconfig?: string;
  readonly env?: Record<string, string>;
}

/** KubeStage is an install on a real cluster, and a gateway over TLS whose kubeconfigs real programs use unchanged. */
export interface KubeStage {
  readonly lab: RunLab;
  readonly folder: string;
  readonly clusterId: string;
  /** The gateway itself, without TLS. */
  readonly url: string;
  readonly deps: TokenDeps;
  /** Path of a kubeconfig for everything that the install may do. */
  readonly kubeconfigPath: string;
  makeKubeconfig(more?: Partial<CreateKubeconfig>): Promise<Made>;
  run(program: 'kubectl' | 'helm', args: readonly string[], options?: RunOptions): Promise<Ran>;
  start(program: 'kubectl' | 'helm', args: readonly string[], options?: RunOptions): Running;
  /** Changes the licence or plan as the API does. */
  setLicence(state: 'active' | 'suspended', suspendedAccess?: 'shut' | 'read-only'): Promise<void>;
  close(): Promise<void>;
}

export interface Made extends Kubeconfig {
  readonly path: string;
  readonly server: string;
  readonly ca: string;
  readonly bearer: string;
}

export interface KubeStageOptions {
  readonly rbac: RbacPolicy;
  /** Folder of kubectl and helm; empty: they are on the path. */
  readonly bin: string;
  /** Administrator of another cluster than the run's. */
  readonly adminKubeconfig?: string;
  readonly config?: Partial<GatewayConfig>;
}

const generous = { timeout: 30_000, interval: 100 };

/** untilTrue waits for a condition, long enough for a busy machine. */
export const untilTrue = (condition: () => unknown) => expect.poll(condition, generous).toBeTruthy();

export async function openKubeStage({ rbac, bin, adminKubeconfig, config }: KubeStageOptions): Promise<KubeStage> {
  const folder = await mkdtemp(join(tmpdir(), 'nm-kubectl-'));
  const lab = await openRunLab(rbac, { kubeconfigPath: adminKubeconfig });
  const { db } = lab.database;
  const { certificate, key } = await selfSigned('gateway', { ip: ['127.0.0.1'] });
  const tls = { certFile: join(folder, 'gateway.crt'), keyFile: join(folder, 'gateway.key'), port: 0 };
  await writeFile(tls.certFile, certificate);
  await writeFile(tls.keyFile, key, { mode: 0o600 });
  const gateway = await startGateway(
    gatewayConfig(lab.database.url, { headersTimeoutMs: 60_000, idleTimeoutMs: 60_000, tls, ...config }),
    { clock: systemClock, log: createLogger('gateway', process.env['NM_TEST_LOG'] ?? 'silent') },
  );
  const keys = await ContextKeys.open({ db, vault: new Vault(lab.masterKey), clock: systemClock });
  const gatewayUrl = `https://127.0.0.1:${gateway.tlsPort}`;
  const deps: TokenDeps = { db, clock: systemClock, keys, gatewayUrl, gatewayCa: certificate };
  const install = await db.asSystem((tx) => tx.install.findUniqueOrThrow({ where: { id: lab.installId } }));
  const children = new Set<ChildProcess>();
  let count = 0;

  const makeKubeconfig = async (more: Partial<CreateKubeconfig> = {}): Promise<Made> => {
    const wanted = { name: 'test', seconds: 3_600, readOnly: false, ...more };
    const made = await createKubeconfig(deps, lab.principal, lab.installId, wanted);
    const path = join(folder, `kubeconfig-${count++}`);
    await writeFile(path, made.kubeconfig, { mode: 0o600 });
    const { clusters, users } = parse(made.kubeconfig) as {
      clusters: [{ cluster: { server: string } }];
      users: [{ user: { token: string } }];
    };
    return { ...made, path, server: clusters[0].cluster.server, ca: certificate, bearer: users[0].user.token };
  };
  const { path: kubeconfigPath } = await makeKubeconfig();

  const start: KubeStage['start'] = (program, args, { input, kubeconfig = kubeconfigPath, env = {} } = {}) => {
    const child = spawn(bin === '' ? program : join(bin, program), args, {
      cwd: folder,
      env: { PATH: `${bin}:${process.env['PATH']}`, HOME: folder, KUBECONFIG: kubeconfig, ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    children.add(child);
    child.once('close', () => children.delete(child));
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.stdin.on('error', () => undefined);
    if (input !== undefined) child.stdin.end(input);
    const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, stdout, stderr }));
    return { child, said: () => stdout, complained: () => stderr, ended };
  };

  return {
    ...{ lab, folder, deps, kubeconfigPath, makeKubeconfig, start, clusterId: install.clusterId },
    url: `http://127.0.0.1:${gateway.port}`,
    run: (program, args, options = {}) => start(program, args, { input: '', ...options }).ended,
    setLicence: (state, suspendedAccess) =>
      db.asSystem(async (tx) => {
        const { licenceId: id, orgId } = lab.principal;
        const { planId } = await tx.licence.update({ where: { id }, data: { state } });
        if (suspendedAccess) await tx.plan.update({ where: { id: planId }, data: { suspendedAccess } });
        await recordChange(tx, { kind: 'licence', id, orgId });
      }),
    close: async () => {
      for (const child of children) child.kill('SIGKILL');
      await gateway.drain();
      await lab.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
