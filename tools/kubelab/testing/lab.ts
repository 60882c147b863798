import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cachedBuild } from '../build/ensure-built.ts';
import { readState } from '../cluster/state.ts';
import { type Cluster, ensureBuilt, findGo } from '../kubelab.ts';
import { type ProcessRef, waitForEnd } from '../process-ref.ts';

/** What a cluster lacks here; undefined: nothing. */
export function missingForCluster(): string | undefined {
  const search = findGo();
  return cachedBuild() || 'go' in search ? undefined : search.problem;
}

/** Folder of the test's clusters: made before the suite's tests, gone after them. */
export interface Lab {
  readonly home: string;
  dir(name: string): string;
  /** Runs the cluster's kubectl. @throws Error with what it said. */
  kubectl(cluster: Cluster, args: readonly string[], input?: string): string;
}

/** A suite that needs clusters: skipped by name when something lacks; in CI that is a failure. */
export function suite(name: string, lacking: string | undefined, body: (lab: Lab) => void): void {
  if (lacking && process.env['CI'] === 'true') return void it(name, () => expect.unreachable(`missing: ${lacking}`));
  describe.skipIf(lacking)(lacking ? `${name} [skipped, needs: ${lacking}]` : name, () => {
    const home = lacking ? '' : mkdtempSync(join(tmpdir(), 'kubelab-'));
    beforeAll(async () => {
      await ensureBuilt();
    }, 1_200_000);
    afterAll(() => rmSync(home, { recursive: true, force: true }));
    body({
      home,
      dir: (cluster) => join(home, cluster),
      kubectl({ kubectlPath, kubeconfigPath }, args, input) {
        const env = { ...process.env, KUBECONFIG: kubeconfigPath, KUBECACHEDIR: join(home, 'kubectl-cache') };
        const run = spawnSync(kubectlPath, args, { encoding: 'utf8', env, ...(input ? { input } : {}) });
        if (run.status !== 0) throw new Error(run.stderr);
        return run.stdout;
      },
    });
  });
}

/** Every process of the cluster in this folder. */
export function processesOf(dir: string): ProcessRef[] {
  const state = readState(dir);
  if (!state) throw new Error(`no cluster in ${dir}`);
  return [state.supervisor, ...Object.values(state.children)];
}

/** Whether all have ended within the time. */
export async function allEnd(refs: readonly ProcessRef[], timeoutMs = 5_000): Promise<boolean> {
  return (await Promise.all(refs.map((ref) => waitForEnd(ref, timeoutMs)))).every(Boolean);
}
