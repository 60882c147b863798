import type { BucketSpec } from './bucket.js';

/** policyField is one item of `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers): the burst `q`, and `w` seconds in which all of it comes back. */
export const policyField = (name: string, { perSecond, burst }: BucketSpec): string =>
  `"${name}";q=${Math.floor(burst)};w=${Math.max(1, Math.ceil(burst / perSecond))}`;

/** limitField is one item of `RateLimit`: what is left now, and `t` seconds until all of it is back. */
export const limitField = (name: string, left: number, spec: BucketSpec): string =>
  `"${name}";r=${left};t=${secondsToFull(left, spec)}`;

/** secondsToFull is after how many seconds all of a budget is back. */
export const secondsToFull = (left: number, { perSecond, burst }: BucketSpec): number =>
  Math.ceil(Math.max(0, burst - left) / perSecond);
