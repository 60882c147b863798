export { type BearerKey, type BearerKind, mintBearerKey, parseBearerKey } from './bearer-key.js';
export { cohortOf } from './cohort.js';
export type { IdKind } from './prefixes.js';
export { randomFraction, randomHex, randomKeyBytes, randomWord } from './random.js';
export { idDigits, RequestId } from './request-id.js';
export { newId } from './typeid.js';
