import { Port } from '@nm/adapters/config';
import { type AgentListener, type AgentListenerOptions, startAgentListener } from '@nm/features/clusters';
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

/** openAgentDoor listens when it is configured to. */
export const openAgentDoor = async (
  { agents }: AgentDoorConfig,
  deps: Omit<AgentListenerOptions, 'host' | 'port' | 'advertise'>,
): Promise<AgentListener | undefined> => (agents ? startAgentListener({ ...deps, ...agents }) : undefined);
