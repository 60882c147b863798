export { type ContextFacts, ContextKeys, type ContextKeysOptions } from './context-keys.js';
export { signingKeyPlace } from './sealed-keys.js';
