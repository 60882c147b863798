import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { RunPlan } from '@nm/kernel/contracts';

/** Gates hold runs at a step, with their worker, until the test opens it. */
export interface Gates {
  /** A request that is answered once the gate of this name is open. */
  step(name: string): RunPlan['steps'][number];
  open(name: string): void;
  close(): void;
}

export async function startGates(): Promise<Gates> {
  const opened = new Map<string, PromiseWithResolvers<void>>();
  const gateOf = (name: string) => {
    const gate = opened.get(name) ?? Promise.withResolvers<void>();
    opened.set(name, gate);
    return gate;
  };
  const server = createServer((request, response) => {
    void gateOf(request.url?.slice(1) ?? '').promise.then(() => response.end());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    step: (name) => ({
      ...{ kind: 'http-request', title: 'Gate', method: 'GET', url: `http://127.0.0.1:${port}/${name}` },
      ...{ expectStatus: [200], timeoutSeconds: 300 },
    }),
    open: (name) => gateOf(name).resolve(),
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
