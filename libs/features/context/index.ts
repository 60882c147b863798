export { type ContextFacts, ContextKeys, type ContextKeysOptions } from './context-keys.js';
export { signingKeyPlace } from './sealed-keys.js';
export { tendSigningKeys } from './tend-signing-keys.js';
