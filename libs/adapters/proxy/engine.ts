import type { Engine, EngineTimeouts } from './exchange.js';
import { NodeHttpEngine } from './node-http/engine.js';

export const engineKinds = ['node-http'] as const;
export type EngineKind = (typeof engineKinds)[number];

export const defaultTimeouts: EngineTimeouts = { connectMs: 5_000, headersMs: 120_000, idleMs: 300_000 };

/** openEngine makes an engine that does not listen yet. */
export function openEngine<Tag>(_kind: EngineKind, timeouts: Partial<EngineTimeouts> = {}): Engine<Tag> {
  return new NodeHttpEngine<Tag>({ ...defaultTimeouts, ...timeouts });
}
