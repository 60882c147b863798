import type { Engine, EngineTimeouts } from './exchange.js';
import { NetEngine } from './net/engine.js';
import { NodeHttpEngine } from './node-http/engine.js';

export const engineKinds = ['net', 'node-http'] as const;
export type EngineKind = (typeof engineKinds)[number];

export const defaultTimeouts: EngineTimeouts = { connectMs: 5_000, headersMs: 120_000, idleMs: 300_000 };

/** openEngine makes an engine that does not listen yet. */
export function openEngine<Tag>(kind: EngineKind, timeouts: Partial<EngineTimeouts> = {}): Engine<Tag> {
  const all = { ...defaultTimeouts, ...timeouts };
  return kind === 'net' ? new NetEngine<Tag>(all) : new NodeHttpEngine<Tag>(all);
}
