export { type BearerKey, type BearerKind, mintBearerKey, parseBearerKey } from './bearer-key.js';
export { type IdKind, prefixes } from './prefixes.js';
export { randomFraction, randomKeyBytes } from './random.js';
export { isId, newId } from './typeid.js';
