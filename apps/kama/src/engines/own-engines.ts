import { environment } from '@nm/adapters/config';
import { createEgressAgent, EgressPolicy } from '@nm/adapters/egress';
import type { KubeSession } from '@nm/adapters/k8kat';
import {
  containerEngine,
  executableEngine,
  httpEngine,
  ProgramRunner,
  type TemplatingEngine,
} from '@nm/adapters/templating';
import { runContainer } from './run-container.js';

/** It runs as its publisher, who may dial what they like. */
const anywhere = new EgressPolicy({ allow: ['0.0.0.0/0', '::/0'] });

/** OwnEngines reaches engines from a KAMA that runs without NMachine: also programs of the machine. */
export class OwnEngines {
  readonly #agent = createEgressAgent(anywhere);
  readonly #runner = new ProgramRunner({ path: environment()['PATH'] ?? '' });

  /** reach gives the engines for an install, by type. */
  reach({
    namespace,
    session,
  }: {
    namespace: string;
    session: KubeSession;
  }): Readonly<Record<string, TemplatingEngine>> {
    const container = containerEngine(runContainer(session, namespace));
    return {
      server: httpEngine({ dispatcher: this.#agent, release: namespace }),
      local_executable: executableEngine({ runner: this.#runner, release: namespace }),
      container,
      image: container,
    };
  }

  /** close ends the connections. */
  async close(): Promise<void> {
    await this.#agent.destroy();
  }
}
