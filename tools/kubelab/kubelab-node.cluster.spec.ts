import { spawn } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { type Cluster, startCluster } from './kubelab.ts';
import { missingPackages } from './node/requirements.ts';
import { FORWARDING, otherBridges, readSysctls } from './node/sysctls.ts';
import { allEnd, missingForCluster, processesOf, suite } from './testing/lab.ts';
import { machineState, rootfsOf } from './testing/machine.ts';

const packages = missingPackages().map((name) => `package ${name}`);
const lacking = missingForCluster() ?? (process.getuid?.() === 0 ? packages.join(', ') || undefined : 'root');

suite('kubelab with a real node', lacking, ({ home, dir, kubectl }) => {
  const POD = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'real' },
    spec: {
      containers: [
        {
          name: 'c',
          image: 'kubelab.test/shell:1',
          imagePullPolicy: 'Never',
          args: ['echo said by the pod; exec sleep 600'],
        },
      ],
    },
  };

  async function startWithPod(name: string, ownerPid = process.pid): Promise<Cluster> {
    const cluster = await startCluster({ name, mode: 'node', stateDir: dir(name), ephemeral: true, ownerPid });
    const rootfs = rootfsOf(join(home, 'rootfs'), ['/bin/sh', '/bin/sleep', '/bin/cat']);
    await cluster.addImage('kubelab.test/shell:1', rootfs, { Entrypoint: ['/bin/sh', '-c'] });
    kubectl(cluster, ['apply', '-f', '-'], JSON.stringify(POD));
    kubectl(cluster, ['wait', '--for=condition=Ready', 'pod/real', '--timeout=60s']);
    return cluster;
  }

  it('really runs a pod from an image made of a folder, with logs and exec, and undoes every change', async () => {
    const [before, forwarding] = [machineState(), readSysctls()[FORWARDING]];
    const cluster = await startWithPod('real');
    const during = machineState();
    expect(kubectl(cluster, ['logs', 'real'])).toBe('said by the pod\n');
    expect(kubectl(cluster, ['exec', 'real', '--', '/bin/cat', '/proc/1/comm'])).toBe('sleep\n');
    expect(during.rules.some((rule) => rule.includes('KUBE-SERVICES'))).toBe(true);
    await cluster.stop();
    expect(machineState()).toEqual(before);
    expect(otherBridges() || readSysctls()[FORWARDING] === forwarding).toBe(true);
    expect(existsSync(cluster.stateDir)).toBe(false);
  });

  it.each(['supervisor', 'owner'] as const)('undoes every change when its %s is killed', async (victim) => {
    const before = machineState();
    const owner = spawn('sleep', ['600']);
    onTestFinished(() => void owner.kill('SIGKILL'));
    const cluster = await startWithPod(`real-${victim}`, owner.pid);
    const refs = processesOf(cluster.stateDir);
    process.kill(victim === 'owner' ? owner.pid! : cluster.supervisorPid, 'SIGKILL');
    expect(await allEnd(refs, 20_000)).toBe(true);
    await expect.poll(machineState, { timeout: 30_000, interval: 250 }).toEqual(before);
    await cluster.stop();
  });

  it('undoes every change even when containerd cannot be started again', async () => {
    const before = machineState();
    const cluster = await startWithPod('deleted');
    const refs = processesOf(cluster.stateDir);
    rmSync(join(cluster.stateDir, 'node', 'containerd.toml'));
    process.kill(cluster.supervisorPid, 'SIGKILL');
    expect(await allEnd(refs, 20_000)).toBe(true);
    await expect.poll(machineState, { timeout: 30_000, interval: 250 }).toEqual(before);
    await cluster.stop();
  });

  it('says that a machine has only one real node', async () => {
    const cluster = await startCluster({ name: 'first', mode: 'node', stateDir: dir('first'), ephemeral: true });
    await expect(startCluster({ name: 'second', mode: 'node', stateDir: dir('second') })).rejects.toThrow(
      /real node runs already .*first/,
    );
    await cluster.stop();
  });
});
