import { CommaList, commonConfig, loadConfig, Port } from '@nm/adapters/config';
import { type EgressPolicy, egressConfig } from '@nm/adapters/egress';
import { engineKinds } from '@nm/adapters/proxy';
import { z } from 'zod';
import { type AgentDoorConfig, agentDoorConfig } from './agent-door.js';
import { tlsOf } from './own-certificate.js';

const gatewayConfig = z
  .object({
    /** Addresses to listen on, comma-separated. */
    NM_GATEWAY_HOST: CommaList.default(['127.0.0.1']),
    NM_GATEWAY_PORT: Port.default(8080),
    /** What speaks HTTP: `net` is our own on node:net, `net-events` the same by documented means only, `node-http` is node:http with undici. */
    NM_GATEWAY_ENGINE: z.enum(engineKinds).default('net'),
    /** Processes that share the port, one for each core; with more than one, process `n` has its internal port at NM_OPS_PORT + n. */
    NM_GATEWAY_PROCESSES: z.coerce.number().int().min(1).max(64).default(1),
    /** Set by the supervisor: which of them this is. */
    NM_GATEWAY_PROCESS: z.coerce.number().int().min(0).optional(),
    /** What one organisation may have open in one process: requests, those that wait, streams, tunnels. */
    NM_GATEWAY_TENANT_CONNECTIONS: z.coerce.number().int().min(1).max(1_000_000).default(10_000),
    /** Addresses and CIDR blocks of the proxies in front, whose `Forwarded` and `X-Forwarded-*` are believed; comma-separated. */
    NM_GATEWAY_TRUSTED_PEERS: CommaList.default([]),
    /** `v2`: connections of trusted peers begin with a PROXY protocol header. */
    NM_GATEWAY_PROXY_PROTOCOL: z.enum(['off', 'v2']).default('off'),
    /** PEM files, read again when they change: with both, TLS is spoken on NM_GATEWAY_TLS_PORT too. */
    NM_GATEWAY_TLS_CERT_FILE: z.string().optional(),
    NM_GATEWAY_TLS_KEY_FILE: z.string().optional(),
    NM_GATEWAY_TLS_PORT: Port.default(8443),
    /** Fraction of successful requests that are logged; denials and errors always are. */
    NM_GATEWAY_LOG_SAMPLE: z.coerce.number().min(0).max(1).default(1),
    /** One of so many requests that are let in is kept to be explained (`decision_sample`); refusals always are. 0: none. */
    NM_GATEWAY_DECISION_SAMPLE: z.coerce.number().int().min(0).max(1_000_000).default(100),
    /** Where spans of sampled requests go, by OTLP/HTTP: `http://collector:4318/v1/traces`. Absent: nowhere. */
    NM_OTLP_TRACES_URL: z.url({ protocol: /^https?$/ }).optional(),
    /** Of the requests that come without a trace, the part that begins one. */
    NM_OTLP_TRACES_SAMPLE: z.coerce.number().min(0).max(1).default(0.01),
    /** From a sent request to the head of its answer. */
    NM_GATEWAY_HEADERS_TIMEOUT_MS: z.coerce.number().int().min(100).max(3_600_000).default(120_000),
    /** Of NM_DRAIN_MS, how long new connections are still taken: balancers send on until they have seen that /readyz fails. */
    NM_GATEWAY_DRAIN_LISTEN_MS: z.coerce.number().int().min(0).max(600_000).default(3_000),
    /** Without a byte in either direction. */
    NM_GATEWAY_IDLE_TIMEOUT_MS: z.coerce.number().int().min(100).max(86_400_000).default(300_000),
  })
  .refine((env) => (env.NM_GATEWAY_TLS_CERT_FILE === undefined) === (env.NM_GATEWAY_TLS_KEY_FILE === undefined), {
    path: ['NM_GATEWAY_TLS_KEY_FILE'],
    message: 'a certificate and its key come together',
  })
  .refine((env) => env.NM_GATEWAY_TLS_CERT_FILE === undefined || env.NM_GATEWAY_PROXY_PROTOCOL === 'off', {
    path: ['NM_GATEWAY_PROXY_PROTOCOL'],
    message: 'a PROXY header before TLS is not understood',
  })
  .transform((env) => ({
    tls: tlsOf(env.NM_GATEWAY_TLS_CERT_FILE, env.NM_GATEWAY_TLS_KEY_FILE, env.NM_GATEWAY_TLS_PORT),
    hosts: env.NM_GATEWAY_HOST,
    port: env.NM_GATEWAY_PORT,
    engine: env.NM_GATEWAY_ENGINE,
    processes: env.NM_GATEWAY_PROCESSES,
    process: env.NM_GATEWAY_PROCESS,
    tenantConnections: env.NM_GATEWAY_TENANT_CONNECTIONS,
    trustedPeers: env.NM_GATEWAY_TRUSTED_PEERS,
    proxyProtocol: env.NM_GATEWAY_PROXY_PROTOCOL === 'v2',
    logSample: env.NM_GATEWAY_LOG_SAMPLE,
    decisionSample: env.NM_GATEWAY_DECISION_SAMPLE,
    tracesUrl: env.NM_OTLP_TRACES_URL,
    tracesSample: env.NM_OTLP_TRACES_SAMPLE,
    headersTimeoutMs: env.NM_GATEWAY_HEADERS_TIMEOUT_MS,
    drainListenMs: env.NM_GATEWAY_DRAIN_LISTEN_MS,
    idleTimeoutMs: env.NM_GATEWAY_IDLE_TIMEOUT_MS,
  }));

export type GatewayConfig = z.output<typeof commonConfig> &
  z.output<typeof gatewayConfig> &
  AgentDoorConfig & { readonly egress: EgressPolicy };

/** readConfig @throws Fault config_invalid naming each bad variable */
export const readConfig = (): GatewayConfig => ({
  ...loadConfig(commonConfig),
  ...loadConfig(gatewayConfig),
  ...loadConfig(egressConfig),
  ...loadConfig(agentDoorConfig),
});
