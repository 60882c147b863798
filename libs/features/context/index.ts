export { type ContextFacts, ContextKeys, type ContextKeysOptions } from './context-keys.js';
