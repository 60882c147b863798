import { z } from 'zod';
import { DisplayName, Email, Id, Instant } from './primitives.js';

/** OpenSession says in what form a session is wanted and for whom. */
export const OpenSession = z
  .strictObject({
    /** True: the token comes in a cookie that no script can read, for browsers. */
    cookie: z.boolean().default(false),
    /** Who will use it; needed when the plan counts users. */
    user: z
      .strictObject({
        subject: z.string().trim().min(1).max(200),
        email: Email.optional(),
        name: DisplayName.optional(),
      })
      .optional(),
    /** Which of the licence's installs it means where a request names none. */
    install: Id.optional(),
    /** What the client calls itself, for the list of sessions. */
    client: DisplayName.optional(),
  })
  .meta({ id: 'OpenSession' });
export type OpenSession = z.infer<typeof OpenSession>;

export const LicenceSession = z
  .object({
    /** Absent in the cookie form. */
    token: z.string().optional(),
    tokenType: z.enum(['Bearer', 'Cookie']),
    expiresInSeconds: z.number().int(),
    sessionId: Id,
    /** How often to send a heartbeat so that the session, and its seat, goes on. */
    heartbeatSeconds: z.number().int(),
  })
  .meta({ id: 'LicenceSession' });
export type LicenceSession = z.infer<typeof LicenceSession>;

const user = z.object({
  id: Id,
  /** `session`, or the id of the issuer whose tokens name this user. */
  source: z.string(),
  subject: z.string(),
  email: z.string().optional(),
  name: z.string().optional(),
  firstSeenAt: Instant,
  lastSeenAt: Instant,
});

const seats = z.object({
  /** Absent: uncounted. */
  max: z.number().int().optional(),
  used: z.number().int(),
});

/** SeatsView is who holds the seats of a licence, for its publisher. */
export const SeatsView = z
  .object({
    installs: seats,
    users: seats.extend({
      /** The newest, at most 200. */
      holders: z.array(user),
    }),
    sessions: seats.extend({
      holders: z.array(
        z.object({
          id: Id,
          userId: Id.optional(),
          client: z.string().optional(),
          cookie: z.boolean(),
          startedAt: Instant,
          seenAt: Instant,
          expiresAt: Instant,
        }),
      ),
    }),
  })
  .meta({ id: 'SeatsView' });
export type SeatsView = z.infer<typeof SeatsView>;
