import type { EngineKind } from '../engine.js';

export interface Differences {
  /** 1xx answers of the upstream reach the client. */
  readonly interimAnswers: boolean;
  /** Trailer fields pass, both ways. */
  readonly trailers: boolean;
  /** Small chunks that came together leave as one. */
  readonly coalesces: boolean;
  /** Work beyond what the process can do is refused at once. */
  readonly shedsLoad: boolean;
  /** A request that reaches us half, slowly, is told so. */
  readonly answersSlowHeads: boolean;
}

const net: Differences = {
  interimAnswers: true,
  trailers: true,
  coalesces: true,
  shedsLoad: true,
  answersSlowHeads: true,
};

/** Where the engines differ on purpose: what node:http and undici don't let us do. */
export const differences: Record<EngineKind, Differences> = {
  net,
  'net-events': net,
  'node-http': {
    interimAnswers: false,
    trailers: false,
    coalesces: false,
    shedsLoad: false,
    answersSlowHeads: true,
  },
};
