export { endRequest, type LimitKind, outlastRequest, type Refusal, takeRequest, takeWake } from './admit-usage.js';
export type { Meter } from './bucket.js';
export { type Account, LimitBook, type LimitSpec } from './limit-book.js';
export { limitField, secondsToFull } from './rate-limit-fields.js';
export { RedisShares } from './redis-shares.js';
