import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { CommaList, type CommonConfig, commonConfig, loadConfig, Port } from '@nm/adapters/config';
import { type EgressPolicy, egressConfig } from '@nm/adapters/egress';
import type { AgentSettings } from '@nm/features/clusters';
import { Fault } from '@nm/kernel/fault';
import { z } from 'zod';

const schema = z.object({
  /** Addresses to listen on, comma-separated. */
  NM_API_HOST: CommaList.default(['127.0.0.1']),
  NM_API_PORT: Port.default(8090),
  /** The gateways for Kubernetes clients, which send a token over TLS only; written into kubeconfigs. */
  NM_PUBLIC_KUBE_URL: z.url({ protocol: /^https?$/ }).optional(),
  /** Certificates (PEM) that prove the gateways, when no public authority does; written into kubeconfigs and agents' manifests. */
  NM_GATEWAY_TLS_CA_FILE: z.string().optional(),
  /** How agents reach the gateways' NM_AGENT_PORT or NM_AGENT_TLS_PORT; written into their manifests. */
  NM_PUBLIC_AGENT_URL: z.url({ protocol: /^wss?$/ }).optional(),
  /** The image that agents run from, as users' clusters pull it. */
  NM_AGENT_IMAGE: z.string().min(1).max(500).default('nmachine:local'),
});

/** ApiConfig is all that the API takes from its environment. */
export interface ApiConfig extends CommonConfig {
  readonly hosts: readonly string[];
  readonly port: number;
  /** Which cluster addresses may be dialled. */
  readonly egress: EgressPolicy;
  readonly agents: AgentSettings;
  /** What kubeconfigs say of the gateways. */
  readonly kubeDoor: { readonly gatewayUrl: string; readonly gatewayCa: string | undefined };
}

/** readCa @throws Fault config_invalid when there are no certificates in the file */
function readCa(path: string): string {
  try {
    const text = readFileSync(path, 'utf8');
    new X509Certificate(text);
    return text;
  } catch (cause) {
    throw new Fault('config_invalid', {
      public: `NM_GATEWAY_TLS_CA_FILE: no certificate can be read from ${path}.`,
      cause,
    });
  }
}

/** apiConfig reads the environment. @throws Fault config_invalid */
export function apiConfig(env?: Readonly<Record<string, string | undefined>>): ApiConfig {
  const read = loadConfig(z.intersection(commonConfig, schema), env);
  const { NM_API_HOST, NM_API_PORT, NM_PUBLIC_AGENT_URL, NM_AGENT_IMAGE, ...others } = read;
  const { NM_PUBLIC_KUBE_URL, NM_GATEWAY_TLS_CA_FILE, ...common } = others;
  const gatewayCa = NM_GATEWAY_TLS_CA_FILE === undefined ? undefined : readCa(NM_GATEWAY_TLS_CA_FILE);
  return {
    ...common,
    hosts: NM_API_HOST,
    port: NM_API_PORT,
    agents: { url: NM_PUBLIC_AGENT_URL?.replace(/\/+$/, ''), image: NM_AGENT_IMAGE, ca: gatewayCa },
    kubeDoor: {
      gatewayUrl: NM_PUBLIC_KUBE_URL ?? common.publicGatewayUrl,
      gatewayCa,
    },
    ...loadConfig(egressConfig, env),
  };
}
