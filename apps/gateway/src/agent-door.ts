import { Port } from '@nm/adapters/config';
import type { Logger } from '@nm/adapters/telemetry';
import { type AgentListener, type ClusterDeps, startAgentListener } from '@nm/features/clusters';
import { Counter, Gauge, type Registry } from 'prom-client';
import { z } from 'zod';
import { reloadLog, tlsOf } from './own-certificate.js';

/** Variables of the listener for the agents of private clusters; without a port there is none. */
export const agentDoorConfig = z
  .object({
    NM_AGENT_PORT: Port.optional(),
    NM_AGENT_HOST: z.string().default('127.0.0.1'),
    /** How the other processes of this NMachine reach the listener: `http://host:port`. */
    NM_AGENT_ADVERTISE_URL: z.url({ protocol: /^http$/ }).optional(),
    /** Where agents find TLS, with the gateway's own certificate. */
    NM_AGENT_TLS_PORT: Port.optional(),
    NM_GATEWAY_TLS_CERT_FILE: z.string().optional(),
    NM_GATEWAY_TLS_KEY_FILE: z.string().optional(),
  })
  .refine((env) => env.NM_AGENT_TLS_PORT === undefined || env.NM_AGENT_PORT !== undefined, {
    path: ['NM_AGENT_TLS_PORT'],
    message: 'needs NM_AGENT_PORT too, by which our other processes reach the tunnels',
  })
  .refine((env) => env.NM_AGENT_TLS_PORT === undefined || env.NM_GATEWAY_TLS_CERT_FILE !== undefined, {
    path: ['NM_AGENT_TLS_PORT'],
    message: 'needs the certificate of NM_GATEWAY_TLS_CERT_FILE and NM_GATEWAY_TLS_KEY_FILE',
  })
  .transform((env) => ({
    agents:
      env.NM_AGENT_PORT === undefined
        ? undefined
        : {
            port: env.NM_AGENT_PORT,
            host: env.NM_AGENT_HOST,
            advertise: env.NM_AGENT_ADVERTISE_URL,
            tls: tlsOf(env.NM_GATEWAY_TLS_CERT_FILE, env.NM_GATEWAY_TLS_KEY_FILE, env.NM_AGENT_TLS_PORT),
          },
  }));

export type AgentDoorConfig = Partial<z.output<typeof agentDoorConfig>> & { readonly process?: number | undefined };

export interface AgentDoorDeps extends ClusterDeps {
  readonly log: Logger;
  readonly registry: Registry;
  readonly onError: (error: unknown) => void;
}

/** openAgentDoor listens when it is configured to; of several processes of one gateway the first does. */
export async function openAgentDoor(
  { agents, process = 0 }: AgentDoorConfig,
  { log, registry, ...deps }: AgentDoorDeps,
): Promise<AgentListener | undefined> {
  if (!agents || process > 0) return undefined;
  const metrics = agentDoorMetrics(registry, () => listener.count());
  const listener = await startAgentListener({
    ...deps,
    ...agents,
    tls: agents.tls && { ...agents.tls, onReload: reloadLog(log) },
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
