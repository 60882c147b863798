import { Fault } from '@nm/kernel/fault';
import type { Engine, EngineOptions } from './exchange.js';
import { NetEngine } from './net/engine.js';
import { rawWiring } from './net/raw-wire.js';
import { eventWiring } from './net/wire.js';
import { NodeHttpEngine } from './node-http/engine.js';

/** `net-events` is `net` without what Node does not document: it reads and writes by a stream's events and calls. */
export const engineKinds = ['net', 'net-events', 'node-http'] as const;
export type EngineKind = (typeof engineKinds)[number];

const defaults: EngineOptions = {
  headMs: 30_000,
  pseudonym: 'nmachine',
  connectMs: 5_000,
  headersMs: 120_000,
  idleMs: 300_000,
  trustedPeers: [],
  proxyProtocol: false,
};

/** openEngine makes an engine that does not listen yet. @throws Fault config_invalid for what the engine cannot do */
export function openEngine<Tag>(kind: EngineKind, options: Partial<EngineOptions> = {}): Engine<Tag> {
  const all = { ...defaults, ...options };
  if (kind === 'node-http' && all.proxyProtocol)
    throw new Fault('config_invalid', { public: 'NM_GATEWAY_PROXY_PROTOCOL needs NM_GATEWAY_ENGINE=net.' });
  if (kind === 'node-http') return new NodeHttpEngine<Tag>(all);
  return new NetEngine<Tag>(all, kind === 'net' ? rawWiring : () => eventWiring);
}
