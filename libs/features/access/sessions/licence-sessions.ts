import { recordChange, type Tx } from '@nm/adapters/db';
import type { LicenceSession, OpenSession } from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import { newId, parseBearerKey } from '@nm/kernel/ids';
import type { AccessDeps } from '../deps.js';
import type { LicenseePrincipal } from '../principal.js';
import { lockLicence, requireSessionSeat, takeUserSeat } from './seats.js';
import { signLicenceSession } from './session-token.js';

/** Life of a session without heartbeat, in seconds. Where sessions are counted it is short, so that an abandoned seat is free soon. */
const sessionSeconds = { uncounted: 900, counted: 180 } as const;
/** However often it says that it is alive, a session ends after this long. */
const sessionMsMax = 12 * 3_600_000;

/** A session as it goes to its client: `text` is the token, in the body or in a cookie. */
export interface OpenedSession {
  readonly text: string;
  readonly cookie: boolean;
  readonly answer: LicenceSession;
}

const secondsOf = (limits: { readonly seats?: { readonly sessions?: number | undefined } | undefined }): number =>
  limits.seats?.sessions === undefined ? sessionSeconds.uncounted : sessionSeconds.counted;

const opened = (
  text: string,
  row: { readonly id: string; readonly cookie: boolean },
  seconds: number,
): OpenedSession => ({
  text,
  cookie: row.cookie,
  answer: {
    ...(row.cookie ? {} : { token: text }),
    tokenType: row.cookie ? 'Cookie' : 'Bearer',
    expiresInSeconds: seconds,
    sessionId: row.id,
    heartbeatSeconds: Math.floor(seconds / 3),
  },
});

/**
 * openLicenceSession exchanges a licence key for a short-lived token, for clients that should not keep the key, and takes the seats that the plan counts.
 * The token is bound to this very key, so it dies with it, also when the key is rotated at this moment.
 * @throws Fault unauthenticated when `key` is no licence key; seats_exhausted, user_seats_exhausted; invalid_body when users are counted and none is named,
 * or when the licence has no such install
 */
export async function openLicenceSession(
  deps: AccessDeps,
  principal: LicenseePrincipal,
  key: string,
  body: OpenSession,
): Promise<OpenedSession> {
  const parsed = parseBearerKey(key);
  if (parsed?.kind !== 'licence') throw new Fault('unauthenticated');
  const { orgId, licenceId } = principal;
  const now = deps.clock.now();
  const id = newId('licenceSession');
  const { seconds, expiresAt } = await deps.db.withOrg(orgId, async (tx) => {
    const { limits } = await lockLicence(tx, licenceId);
    if (limits.seats?.users !== undefined && !body.user)
      throw new Fault('invalid_body', {
        extra: { issues: [{ path: 'user', message: 'this licence counts its users: say who this is' }] },
      });
    await requireInstall(tx, licenceId, body.install);
    const licence = { id: licenceId, orgId, limits };
    await requireSessionSeat(tx, licence, id, now);
    const userId = body.user ? await takeUserSeat(tx, licence, { source: 'session', ...body.user }, now) : null;
    const life = secondsOf(limits);
    const end = new Date(now.getTime() + life * 1000);
    const { client = null, cookie } = body;
    await tx.licenceSession.create({
      data: { ...{ id, orgId, licenceId, userId, client, cookie }, startedAt: now, seenAt: now, expiresAt: end },
    });
    return { seconds: life, expiresAt: end };
  });
  const claims = { licenceId, keyLookup: parsed.lookup, sessionId: id, installId: body.install };
  const text = await signLicenceSession(claims, expiresAt, deps);
  return opened(text, { id, cookie: body.cookie }, seconds);
}

/** requireInstall @throws Fault invalid_body */
async function requireInstall(tx: Tx, licenceId: string, id: string | undefined): Promise<void> {
  if (id === undefined) return;
  if ((await tx.install.count({ where: { id, licenceId, state: { not: 'removed' } } })) > 0) return;
  throw new Fault('invalid_body', {
    extra: { issues: [{ path: 'install', message: 'this licence has no such install' }] },
  });
}

type WithSession = LicenseePrincipal & { readonly session: NonNullable<LicenseePrincipal['session']> };

/** renewLicenceSession is the heartbeat: the session keeps its seat and gets a token of full length again. @throws Fault unauthenticated, token_expired */
export async function renewLicenceSession(deps: AccessDeps, principal: WithSession): Promise<OpenedSession> {
  const { orgId, licenceId, session } = principal;
  const now = deps.clock.now();
  const { row, seconds } = await deps.db.withOrg(orgId, async (tx) => {
    const { limits } = await lockLicence(tx, licenceId);
    const current = await tx.licenceSession.findFirst({ where: { id: session.id, licenceId, endedAt: null } });
    if (!current) throw new Fault('unauthenticated');
    const lastMs = current.startedAt.getTime() + sessionMsMax;
    const life = Math.floor(Math.min(secondsOf(limits) * 1000, lastMs - now.getTime()) / 1000);
    if (life <= 0) throw new Fault('token_expired');
    const data = { seenAt: now, expiresAt: new Date(now.getTime() + life * 1000) };
    return { row: await tx.licenceSession.update({ where: { id: current.id }, data }), seconds: life };
  });
  const claims = { licenceId, keyLookup: session.keyLookup, sessionId: row.id, installId: session.installId };
  return opened(await signLicenceSession(claims, row.expiresAt, deps), row, seconds);
}

/** endLicenceSession ends a session everywhere and frees its seat; a second time changes nothing. @throws Fault not_found */
export async function endLicenceSession(
  { db, clock }: Pick<AccessDeps, 'db' | 'clock'>,
  { orgId, licenceId, sessionId }: { readonly orgId: string; readonly licenceId: string; readonly sessionId: string },
): Promise<void> {
  await db.withOrg(orgId, async (tx) => {
    const row = await tx.licenceSession.findFirst({ where: { id: sessionId, licenceId } });
    if (!row) throw new Fault('not_found');
    if (row.endedAt) return;
    await tx.licenceSession.update({ where: { id: sessionId }, data: { endedAt: clock.now() } });
    await recordChange(tx, { kind: 'session', id: sessionId, orgId });
  });
}
