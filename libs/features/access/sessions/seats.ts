import type { Db, Tx } from '@nm/adapters/db';
import { Limits } from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import { newId } from '@nm/kernel/ids';
import { seatFor } from '@nm/kernel/licensing';
import type { Clock } from '@nm/kernel/time';

/** Somebody who uses a licence, as whoever vouches for them names them. */
export interface NamedUser {
  /** Id of the OIDC issuer that says so, or `session` when the holder of the licence key does. */
  readonly source: string;
  readonly subject: string;
  readonly email?: string | undefined;
  readonly name?: string | undefined;
}

/** lockLicence makes takers of one licence's seats take turns, and tells what its plan counts. @throws Fault not_found */
export async function lockLicence(
  tx: Tx,
  licenceId: string,
): Promise<{ readonly orgId: string; readonly limits: Limits }> {
  await tx.$queryRaw`SELECT id FROM licence WHERE id = ${licenceId} FOR UPDATE`;
  const row = await tx.licence.findUnique({
    where: { id: licenceId },
    select: { orgId: true, plan: { select: { limits: true } } },
  });
  if (!row) throw new Fault('not_found');
  return { orgId: row.orgId, limits: Limits.parse(row.plan.limits) };
}

/**
 * takeUserSeat gives a person their seat: the one they have, or a free one. The licence is locked.
 * @returns id of the licence's user
 * @throws Fault user_seats_exhausted
 */
export async function takeUserSeat(
  tx: Tx,
  licence: { readonly id: string; readonly orgId: string; readonly limits: Limits },
  user: NamedUser,
  now: Date,
): Promise<string> {
  const { source, subject, email, name } = user;
  const profile = {
    ...(email === undefined ? {} : { email }),
    ...(name === undefined ? {} : { name }),
    lastSeenAt: now,
  };
  const where = { licenceId_source_subject: { licenceId: licence.id, source, subject } };
  const known = await tx.licenceUser.findUnique({ where, select: { id: true } });
  if (known) {
    await tx.licenceUser.update({ where, data: profile });
    return known.id;
  }
  const usersMax = licence.limits.seats?.users;
  if (usersMax !== undefined) {
    const users = await tx.licenceUser.count({ where: { licenceId: licence.id } });
    if (users >= usersMax) throw new Fault('user_seats_exhausted', { extra: { users, usersMax } });
  }
  const id = newId('licenceUser');
  const { orgId } = licence;
  await tx.licenceUser.create({
    data: { id, orgId, licenceId: licence.id, source, subject, createdAt: now, ...profile },
  });
  return id;
}

/**
 * claimUserSeat is takeUserSeat for somebody whose token was verified at the gateway; call it once per user and process, not per request.
 * @returns id of the licence's user
 * @throws Fault user_seats_exhausted, not_found
 */
export const claimUserSeat = (
  { db, clock }: { readonly db: Db; readonly clock: Clock },
  licence: { readonly id: string; readonly orgId: string },
  user: NamedUser,
): Promise<string> =>
  db.withOrg(licence.orgId, async (tx) => {
    const { limits } = await lockLicence(tx, licence.id);
    return takeUserSeat(tx, { ...licence, limits }, user, clock.now());
  });

/** liveSessions is the condition for sessions that hold a seat now. */
export const liveSessions = (licenceId: string, now: Date) => ({ licenceId, endedAt: null, expiresAt: { gt: now } });

/** requireSessionSeat refuses one session more than the plan counts. The licence is locked. @throws Fault seats_exhausted, with the time until the next one may be free */
export async function requireSessionSeat(
  tx: Tx,
  licence: { readonly id: string; readonly limits: Limits },
  sessionId: string,
  now: Date,
): Promise<void> {
  const sessionsMax = licence.limits.seats?.sessions;
  if (sessionsMax === undefined) return;
  const live = await tx.licenceSession.findMany({
    where: liveSessions(licence.id, now),
    select: { id: true, expiresAt: true },
  });
  const holders = live.map(({ id, expiresAt }) => ({ id, untilMs: expiresAt.getTime() }));
  const seat = seatFor(holders, sessionId, sessionsMax, now.getTime());
  if (seat.free) return;
  const waitSeconds = Math.max(1, Math.ceil((seat.freeAtMs - now.getTime()) / 1000));
  throw new Fault('seats_exhausted', {
    ...(Number.isFinite(waitSeconds) ? { retryAfterSeconds: waitSeconds } : {}),
    extra: { sessions: seat.taken, sessionsMax },
  });
}
