import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it, onTestFinished } from 'vitest';
import { readState } from './cluster/state.ts';
import { type Cluster, startCluster } from './kubelab.ts';
import { nodeBinary } from './node-binary.ts';
import { isAlive, signal } from './process-ref.ts';
import { allEnd, missingForCluster, processesOf, suite } from './testing/lab.ts';

suite('kubelab with fake nodes', missingForCluster(), ({ home, dir, kubectl }) => {
  const clusters: Cluster[] = [];
  const start = async (name: string, ownerPid?: number) => {
    const cluster = await startCluster({
      name,
      mode: 'kwok',
      stateDir: dir(name),
      ephemeral: true,
      ...(ownerPid ? { ownerPid } : {}),
    });
    clusters.push(cluster);
    return cluster;
  };
  afterEach(async () => {
    for (const cluster of clusters.splice(0)) await cluster.stop();
  });

  it('runs two clusters side by side, each with its own objects, and pods go Ready', async () => {
    const [a, b] = await Promise.all([start('one'), start('two')]);
    expect(a.server).not.toBe(b.server);
    kubectl(a, ['create', 'deployment', 'web', '--image=nowhere.local/web:1', '--replicas=3']);
    kubectl(a, ['rollout', 'status', 'deployment/web', '--timeout=30s']);
    expect(kubectl(a, ['get', 'pods', '-o', 'jsonpath={.items[*].status.phase}'])).toBe('Running Running Running');
    expect(kubectl(b, ['get', 'deployments', '-o', 'name'])).toBe('');
    // A's credentials are worth nothing at B: each cluster is its own authority.
    expect(() => kubectl(a, ['get', 'nodes', `--server=${b.server}`])).toThrow(/certificate/);
    expect(statSync(a.kubeconfigPath).mode & 0o777).toBe(0o600);
    const [dirs, refs] = [
      [a.stateDir, b.stateDir],
      [...processesOf(a.stateDir), ...processesOf(b.stateDir)],
    ];
    await Promise.all([a.stop(), b.stop()]);
    expect(refs.filter(isAlive)).toEqual([]);
    expect(dirs.filter((dir) => existsSync(dir))).toEqual([]);
  });

  it('returns the running cluster of that name, also to two that ask at once', async () => {
    const [a, b] = await Promise.all([start('same'), start('same')]);
    expect(b.supervisorPid).toBe(a.supervisorPid);
    expect([a.started, b.started].filter(Boolean)).toHaveLength(1);
  });

  it('leaves no process behind when its supervisor is killed with SIGKILL', async () => {
    const { stateDir, supervisorPid } = await start('killed');
    const refs = processesOf(stateDir);
    expect(refs.filter(isAlive)).toHaveLength(6);
    process.kill(supervisorPid, 'SIGKILL');
    expect(await allEnd(refs)).toBe(true);
  });

  it('leaves nothing behind when its owner is killed', async () => {
    const owner = spawn('sleep', ['600']);
    onTestFinished(() => void owner.kill('SIGKILL'));
    const { stateDir } = await start('owned', owner.pid);
    const refs = processesOf(stateDir);
    owner.kill('SIGKILL');
    expect(await allEnd(refs)).toBe(true);
    expect(existsSync(stateDir)).toBe(false);
  });

  it('ends, and says which part of it failed, when a component dies', async () => {
    const { stateDir } = await start('broken');
    const refs = processesOf(stateDir);
    signal(readState(stateDir)!.children['etcd']!, 'SIGKILL');
    expect(await allEnd(refs)).toBe(true);
    expect(readState(stateDir)).toMatchObject({
      phase: 'failed',
      error: expect.stringContaining('etcd ended unexpectedly'),
    });
  });

  it('keeps objects, address and credentials over a restart', async () => {
    const options = { name: 'kept', mode: 'kwok', stateDir: dir('kept') } as const;
    const first = await startCluster(options);
    kubectl(first, ['create', 'configmap', 'memory', '--from-literal=a=1']);
    const credentials = readFileSync(first.kubeconfigPath, 'utf8');
    await first.stop();
    const second = await startCluster(options);
    clusters.push(second);
    expect(kubectl(second, ['get', 'configmap', 'memory', '-o', 'jsonpath={.data.a}'])).toBe('1');
    expect(readFileSync(second.kubeconfigPath, 'utf8')).toBe(credentials);
  });

  it('on the command line: up in the foreground, exec with its exit code, the end with Ctrl-C', async () => {
    const env = { ...process.env, NM_KUBELAB_HOME: home };
    const main = join(import.meta.dirname, 'main.ts');
    const up = spawn(nodeBinary(), [main, 'up', '--name', 'cli', '--attach', '--json', '--ephemeral'], { env });
    const line = await new Promise<string>((resolve) => up.stdout.once('data', (data) => resolve(String(data))));
    const refs = processesOf((JSON.parse(line) as { dir: string }).dir);
    const exec = (...command: string[]) =>
      spawnSync(nodeBinary(), [main, 'exec', '--name', 'cli', '--', ...command], { env, encoding: 'utf8' });
    expect(exec('kubectl', 'get', 'nodes', '-o', 'name').stdout).toBe('node/fake-1\nnode/fake-2\n');
    expect(exec('sh', '-c', 'exit 42').status).toBe(42);
    up.kill('SIGINT');
    expect(await allEnd(refs)).toBe(true);
  });
});
