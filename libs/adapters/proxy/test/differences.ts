import type { EngineKind } from '../engine.js';

/** Where the engines differ on purpose: what node:http and undici don't let us do. */
export const differences: Record<EngineKind, { readonly interimAnswers: boolean }> = {
  net: { interimAnswers: true },
  'node-http': { interimAnswers: false },
};
