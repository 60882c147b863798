import { environment } from '@nm/adapters/config';
import { createEgressAgent, EgressPolicy } from '@nm/adapters/egress';
import type { KubeSession } from '@nm/adapters/k8kat';
import { executableEngine, httpEngine, ProgramRunner, type TemplatingEngine } from '@nm/adapters/templating';
import { clusterEngines } from './cluster-engines.js';

/** It runs as its publisher, who may dial what they like. */
const anywhere = new EgressPolicy({ allow: ['0.0.0.0/0', '::/0'] });

/** OwnEngines reaches engines from a KAMA that runs without NMachine: also programs of the machine. */
export class OwnEngines {
  readonly #agent = createEgressAgent(anywhere);
  readonly #runner = new ProgramRunner({ path: environment()['PATH'] ?? '' });

  /** reach gives the engines for an install, by type; a prototype without a cluster has none that run in one. */
  reach(namespace: string, session: KubeSession | undefined): Readonly<Record<string, TemplatingEngine>> {
    return {
      server: httpEngine({ dispatcher: this.#agent, release: namespace }),
      local_executable: executableEngine({ runner: this.#runner, release: namespace }),
      ...(session && clusterEngines(session, namespace)),
    };
  }

  /** close ends the connections. */
  async close(): Promise<void> {
    await this.#agent.destroy();
  }
}
