import { Port } from '@nm/adapters/config';
import type { Logger } from '@nm/adapters/telemetry';
import { type AgentListener, type ClusterDeps, startAgentListener } from '@nm/features/clusters';
import { Counter, Gauge, type Registry } from 'prom-client';
import { z } from 'zod';

/** Variables of the listener for the agents of private clusters; without a port there is none. */
export const agentDoorConfig = z
  .object({
    NM_AGENT_PORT: Port.optional(),
    NM_AGENT_HOST: z.string().default('127.0.0.1'),
    /** How the other processes of this NMachine reach the listener: `http://host:port`. */
    NM_AGENT_ADVERTISE_URL: z.url({ protocol: /^http$/ }).optional(),
  })
  .transform((env) => ({
    agents:
      env.NM_AGENT_PORT === undefined
        ? undefined
        : { port: env.NM_AGENT_PORT, host: env.NM_AGENT_HOST, advertise: env.NM_AGENT_ADVERTISE_URL },
  }));

export type AgentDoorConfig = Partial<z.output<typeof agentDoorConfig>>;

export interface AgentDoorDeps extends ClusterDeps {
  readonly log: Logger;
  readonly registry: Registry;
  readonly onError: (error: unknown) => void;
}

/** openAgentDoor listens when it is configured to. */
export async function openAgentDoor(
  { agents }: AgentDoorConfig,
  { log, registry, ...deps }: AgentDoorDeps,
): Promise<AgentListener | undefined> {
  if (!agents) return undefined;
  const metrics = agentDoorMetrics(registry, () => listener.count());
  const listener = await startAgentListener({
    ...deps,
    ...agents,
    onBytes: metrics.bytes,
    onTunnel: (change, clusterId, reason) => {
      metrics.tunnel(change);
      log.info({ change, clusterId, ...(reason ? { reason } : {}) }, 'the tunnel of an agent');
    },
  });
  return listener;
}

/** Directions are seen from here: `in` comes from clusters. */
function agentDoorMetrics(registry: Registry, count: AgentListener['count']) {
  const registers = [registry];
  const bytes = new Counter({
    name: 'nm_gateway_agent_bytes_total',
    help: 'Bytes that tunnels of agents carried.',
    labelNames: ['direction'],
    registers,
  });
  const changes = new Counter({
    name: 'nm_gateway_agent_tunnels_total',
    help: 'Tunnels of agents that were opened and closed; an agent that reconnects opens another.',
    labelNames: ['change'],
    registers,
  });
  for (const [name, help] of [
    ['tunnels', 'Tunnels that are open here.'],
    ['clusters', 'Clusters with a tunnel here.'],
    ['streams', 'Connections through tunnels that are open here.'],
  ] as const)
    new Gauge({
      name: `nm_gateway_agent_${name}`,
      help,
      registers,
      collect() {
        this.set(count()[name]);
      },
    });
  return {
    bytes: (direction: 'in' | 'out', size: number): void => bytes.inc({ direction }, size),
    tunnel: (change: 'opened' | 'closed'): void => changes.inc({ change }),
  };
}
