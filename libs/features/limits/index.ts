export { endRequest, type LimitKind, outlastRequest, type Refusal, takeRequest, takeWake } from './admit-usage.js';
export { type Account, LimitBook, type LimitSpec, type RateAccount } from './limit-book.js';
export { limitField, secondsToFull } from './rate-limit-fields.js';
export { RedisShares } from './redis-shares.js';
