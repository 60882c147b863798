export { backoffMs } from './backoff.js';
export { type Clock, systemClock } from './clock.js';
export { FakeClock } from './fake-clock.js';
