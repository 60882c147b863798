import { EgressPolicy } from '@nm/adapters/egress';
import { KubeSession, type KubeTarget } from '@nm/adapters/k8kat';
import { createLogger } from '@nm/adapters/telemetry';
import { TemplateWorkers } from '@nm/adapters/templating';
import { loadBundle, readBundleFolder } from '@nm/kama-sdk';
import { Fault } from '@nm/kernel/fault';
import { systemClock } from '@nm/kernel/time';
import type { InstallAccess } from '../../apps/kama/src/installs/install-access.js';
import type { DocumentStore, Remembered } from '../../apps/kama/src/installs/operation-states.js';
import { clusterReader } from '../../apps/kama/src/installs/read-cluster.js';
import { openKamafile } from '../../apps/kama/src/installs/read-kamafile.js';
import { createKama } from '../../apps/kama/src/server/create-kama.js';

const toLab = new EgressPolicy({ allow: ['127.0.0.0/8', '::1'] });

export interface OurKama {
  readonly url: string;
  stop(): Promise<void>;
}

/** startOurs serves a folder of descriptors on one namespace of a cluster; it answers what changes nothing, and starts no runs. */
export async function startOurs(options: {
  readonly target: KubeTarget;
  readonly namespace: string;
  readonly folder: string;
}): Promise<OurKama> {
  const { namespace } = options;
  const cluster = new KubeSession(options.target, { policy: toLab });
  const bundle = loadBundle(await readBundleFolder(options.folder));
  const templates = new TemplateWorkers();
  const documents = rememberedHere();
  const app = await createKama({
    templates,
    clock: systemClock,
    log: createLogger('kama', 'error'),
    address: async (_headers, signal) => ({
      app: { id: 'app_differential', org: 'acme', name: 'differential', version: '1.0.0' },
      bundle,
      install: {
        id: 'ins_differential',
        namespace,
        mayWrite: true,
        kamafile: openKamafile(cluster, namespace, signal),
        cluster: clusterReader(cluster, namespace),
        runs: { start: async () => 'run_differential', job: async () => Promise.reject(new Fault('not_found')) },
        documents,
        engines: {},
      } satisfies InstallAccess,
    }),
  });
  await app.listen(0, '127.0.0.1');
  return {
    url: await app.getUrl(),
    stop: async () => {
      await app.close();
      await templates.close();
      await cluster.close();
    },
  };
}

/** The store of operation states that a test needs; the product's two are NMachine's database and a Secret. */
function rememberedHere(): DocumentStore {
  const kept = new Map<string, Remembered>();
  return {
    read: async (name) => {
      const found = kept.get(name);
      if (!found) throw new Fault('not_found');
      return found;
    },
    write: async (name, value, revision) => {
      const now = kept.get(name)?.revision ?? 0;
      if (revision !== undefined && revision !== now) throw new Fault('conflict');
      kept.set(name, { revision: now + 1, value });
    },
  };
}
