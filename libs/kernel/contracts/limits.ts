import { z } from 'zod';

const count = (max: number) => z.number().int().min(0).max(max).optional();

const usage = {
  /** Mean rate of requests. */
  requestsPerSecond: z.number().positive().max(1_000_000).optional(),
  /** Requests that may come at once beyond the rate; absent: one second's worth. */
  burst: count(10_000_000),
  /** Requests in flight at once. */
  concurrency: count(1_000_000),
  /** Bytes of bodies in both directions in a day. */
  bytesPerDay: count(Number.MAX_SAFE_INTEGER),
  /** Starts of sleeping KAMAs in an hour. */
  wakesPerHour: count(1_000_000),
  /** Bytes of one request's body. */
  bodyBytesMax: count(Number.MAX_SAFE_INTEGER),
  /** Open connections and streams at once. */
  connectionsMax: count(10_000_000),
};

/** UsageLimits bounds what passes the gateway; an absent one is no bound of its own. A plan's hold per licence, an app's and an organisation's for all below it together. */
export const UsageLimits = z.strictObject(usage).meta({ id: 'UsageLimits' });
export type UsageLimits = z.infer<typeof UsageLimits>;

/** Seats counts what may use one licence at once; absent: uncounted. Installs are counted by `installsMax`. */
export const Seats = z
  .strictObject({
    /** Named users, for ever until one is removed. */
    users: count(1_000_000),
    /** Sessions at the same time. */
    sessions: count(1_000_000),
  })
  .meta({ id: 'Seats' });
export type Seats = z.infer<typeof Seats>;

/** Limits is all that a plan bounds per licence. */
export const Limits = z
  .strictObject({ installsMax: z.number().int().min(0).max(100_000).default(1), ...usage, seats: Seats.optional() })
  .meta({ id: 'Limits' });
export type Limits = z.infer<typeof Limits>;
