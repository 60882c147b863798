export { ProxyEngine } from './engine.js';
export type { CutStyle, OpenExchange, Outcome, Plan, Target } from './exchange.js';
export { checkFraming, type FramingFault } from './framing.js';
export { endToEnd, type RawHeaders } from './headers.js';
export type { ProxyTimeouts } from './pools.js';
export { discardUnread } from './request-body.js';
export type { Refusal, TunnelOutcome } from './tunnel.js';
