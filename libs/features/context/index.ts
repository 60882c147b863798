export { type ContextFacts, ContextKeys, type ContextKeysOptions, contextSecondsMax } from './context-keys.js';
