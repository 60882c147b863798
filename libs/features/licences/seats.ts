import { type Db, recordChange } from '@nm/adapters/db';
import { endLicenceSession, liveSessions } from '@nm/features/access';
import { requireApp } from '@nm/features/apps';
import { Limits, type SeatsView } from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import type { LicenceDeps } from './issue-licence.js';
import { type Actor, recordEvent } from './licence-events.js';
import { countSeats, seatUse } from './seat-use.js';

const holdersMax = 200;

/** readSeats tells who holds the seats of a licence now. @throws Fault not_found */
export async function readSeats(
  { db, clock }: Pick<LicenceDeps, 'db' | 'clock'>,
  orgId: string,
  app: string,
  id: string,
): Promise<SeatsView> {
  const now = clock.now();
  const { licence, counts, users, sessions } = await db.withOrg(orgId, async (tx) => {
    const { id: appId } = await requireApp(tx, orgId, app);
    const found = await tx.licence.findFirst({ where: { id, appId }, include: { plan: { select: { limits: true } } } });
    if (!found) throw new Fault('not_found');
    return {
      licence: found,
      counts: await countSeats(tx, id, now),
      users: await tx.licenceUser.findMany({ where: { licenceId: id }, orderBy: { id: 'desc' }, take: holdersMax }),
      sessions: await tx.licenceSession.findMany({ where: liveSessions(id, now), orderBy: { id: 'asc' } }),
    };
  });
  const use = seatUse(counts, Limits.parse(licence.plan.limits));
  return {
    installs: use.installs,
    users: { ...use.users, holders: users.map(userOf) },
    sessions: { ...use.sessions, holders: sessions.slice(0, holdersMax).map(sessionOf) },
  };
}

interface UserRow {
  readonly id: string;
  readonly source: string;
  readonly subject: string;
  readonly email: string | null;
  readonly name: string | null;
  readonly createdAt: Date;
  readonly lastSeenAt: Date;
}

const userOf = ({ id, source, subject, email, name, createdAt, lastSeenAt }: UserRow) => ({
  ...{ id, source, subject },
  ...(email === null ? {} : { email }),
  ...(name === null ? {} : { name }),
  firstSeenAt: createdAt.toISOString(),
  lastSeenAt: lastSeenAt.toISOString(),
});

interface SessionRow {
  readonly id: string;
  readonly userId: string | null;
  readonly client: string | null;
  readonly cookie: boolean;
  readonly startedAt: Date;
  readonly seenAt: Date;
  readonly expiresAt: Date;
}

const sessionOf = (row: SessionRow) => ({
  id: row.id,
  ...(row.userId === null ? {} : { userId: row.userId }),
  ...(row.client === null ? {} : { client: row.client }),
  cookie: row.cookie,
  startedAt: row.startedAt.toISOString(),
  seenAt: row.seenAt.toISOString(),
  expiresAt: row.expiresAt.toISOString(),
});

/** endSession ends a session of a licence, whoever holds it. @throws Fault not_found */
export async function endSession(
  deps: Pick<LicenceDeps, 'db' | 'clock'>,
  actor: Actor,
  at: { readonly app: string; readonly id: string; readonly sessionId: string },
): Promise<void> {
  const { app, id: licenceId, sessionId } = at;
  const { orgId } = actor;
  await requireLicence(deps.db, orgId, app, licenceId);
  await endLicenceSession(deps, { orgId, licenceId, sessionId });
  await deps.db.withOrg(orgId, (tx) => recordEvent(tx, deps.clock, actor, licenceId, 'session_ended', { sessionId }));
}

/** removeUser frees a named user's seat and ends their sessions; they take a seat again when they come back and one is free. @throws Fault not_found */
export async function removeUser(
  { db, clock }: Pick<LicenceDeps, 'db' | 'clock'>,
  actor: Actor,
  at: { readonly app: string; readonly id: string; readonly userId: string },
): Promise<void> {
  const { orgId } = actor;
  await requireLicence(db, orgId, at.app, at.id);
  await db.withOrg(orgId, async (tx) => {
    const user = await tx.licenceUser.findFirst({
      where: { id: at.userId, licenceId: at.id },
      include: { sessions: true },
    });
    if (!user) throw new Fault('not_found');
    await tx.licenceUser.delete({ where: { id: user.id } });
    // Their rows went with them: a gateway that holds such a session finds none, and refuses it.
    for (const { id } of user.sessions) await recordChange(tx, { kind: 'session', id, orgId });
    await recordChange(tx, { kind: 'licence', id: at.id, orgId });
    await recordEvent(tx, clock, actor, at.id, 'user_removed', { subject: user.subject, source: user.source });
  });
}

async function requireLicence(db: Db, orgId: string, app: string, id: string): Promise<void> {
  await db.withOrg(orgId, async (tx) => {
    const { id: appId } = await requireApp(tx, orgId, app);
    if (!(await tx.licence.findFirst({ where: { id, appId }, select: { id: true } }))) throw new Fault('not_found');
  });
}
