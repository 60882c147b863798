import type { Db } from '@nm/adapters/db';
import { Role } from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import { licenceFactsOf, standingOf } from '@nm/kernel/licensing';
import type { Clock } from '@nm/kernel/time';
import { type Action, may } from './permissions.js';
import type { Principal } from './principal.js';

/** Whoever follows a stream, and until when their token holds. */
export interface Follower {
  readonly principal: Principal;
  /** Of the organisation that a publisher looks into. */
  readonly orgId: string;
  /** What a publisher needs there. */
  readonly needs: Action;
  /** The end of the token, milliseconds since 1970; undefined when it has none. */
  readonly endsMs: number | undefined;
}

interface Watched extends Follower {
  readonly cut: AbortController;
  /** Which of the licence's keys opened it; a rotated key opens nothing any more. */
  keyLookup?: string;
}

/** So long at most a stream lives on after what it was opened by has ended. */
const lookMs = 1_000;

/**
 * StreamRights asks every second, in one look for all, whether those who follow streams may still: a licence that does not stand any more, a session that
 * has ended, a token that was revoked or ran out, a member who has left. A look that fails changes nothing, for a minute; then unknown is no.
 */
export class StreamRights {
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #watched = new Set<Watched>();
  readonly #stop = new AbortController();
  #looking: Promise<void> | undefined;
  readonly #coming: Watched[] = [];
  #lastLook: Promise<unknown> = Promise.resolve();
  #nextLook: Promise<Map<Watched, Fault>> | undefined;

  constructor(db: Db, clock: Clock) {
    this.#db = db;
    this.#clock = clock;
  }

  /**
   * watch looks at once, and from then on. `signal` aborts when the right has ended.
   * @throws Fault licence_revoked, licence_suspended, licence_expired and others of a licence that does not stand; token_expired; unauthenticated
   */
  async watch(follower: Follower): Promise<{ readonly signal: AbortSignal; end(): void }> {
    const watched: Watched = { ...follower, cut: new AbortController() };
    const fault = (await this.#lookWithOthers(watched)).get(watched);
    if (fault) throw fault;
    this.#watched.add(watched);
    this.#looking ??= this.#lookOnAndOn();
    return { signal: watched.cut.signal, end: () => void this.#watched.delete(watched) };
  }

  /** Those who come while a look is under way share the next. */
  #lookWithOthers(watched: Watched): Promise<Map<Watched, Fault>> {
    this.#nextLook ??= this.#lastLook.then(() => {
      const all = this.#coming.splice(0);
      this.#nextLook = undefined;
      const look = this.#faultsOf(all);
      this.#lastLook = look.catch(() => undefined);
      return look;
    });
    this.#coming.push(watched);
    return this.#nextLook;
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#looking;
  }

  async #lookOnAndOn(): Promise<void> {
    const { signal } = this.#stop;
    let answeredMs = this.#clock.monotonicMs();
    while (!signal.aborted) {
      await this.#clock.sleep(lookMs, signal).catch(() => undefined);
      try {
        for (const [watched, fault] of await this.#faultsOf([...this.#watched])) this.#cut(watched, fault);
        answeredMs = this.#clock.monotonicMs();
      } catch (error) {
        if (this.#clock.monotonicMs() - answeredMs < unknownMsMax) continue;
        for (const watched of this.#watched) this.#cut(watched, error);
      }
    }
  }

  #cut(watched: Watched, reason: unknown): void {
    this.#watched.delete(watched);
    watched.cut.abort(reason);
  }

  async #faultsOf(watched: readonly Watched[]): Promise<Map<Watched, Fault>> {
    const nowMs = this.#clock.nowMs();
    const faults = new Map<Watched, Fault>();
    if (watched.length === 0) return faults;
    const checks = await this.#ask(watched, nowMs);
    for (const each of watched) {
      const fault = each.endsMs !== undefined && each.endsMs <= nowMs ? new Fault('token_expired') : checks(each);
      if (fault) faults.set(each, fault);
    }
    return faults;
  }

  /** One query for each kind of right, however many follow by it. */
  async #ask(all: readonly Watched[], nowMs: number) {
    const ids = idsOf(all);
    const rows = await this.#db.asSystem(async (tx) => ({
      licences: ids.licences.length ? await tx.licence.findMany({ where: { id: { in: ids.licences } } }) : [],
      sessions: ids.sessions.length ? await tx.licenceSession.findMany({ where: { id: { in: ids.sessions } } }) : [],
      tokens: ids.tokens.length ? await tx.apiToken.findMany({ where: { id: { in: ids.tokens } } }) : [],
      members: ids.users.length ? await tx.membership.findMany({ where: { userId: { in: ids.users } } }) : [],
    }));
    const licences = new Map(rows.licences.map((row) => [row.id, row]));
    const sessions = new Map(rows.sessions.map((row) => [row.id, row]));
    const tokens = new Map(rows.tokens.map((row) => [row.id, row]));
    const roles = new Map(rows.members.map(({ userId, orgId, role }) => [`${userId} ${orgId}`, role]));
    const ended = (internal: string) => new Fault('unauthenticated', { internal });

    return (watched: Watched): Fault | undefined => {
      const { principal, orgId, needs } = watched;
      switch (principal.kind) {
        case 'user': {
          const role = Role.safeParse(roles.get(`${principal.userId} ${orgId}`));
          return role.success && may(role.data, needs) ? undefined : ended('no such member any more');
        }
        case 'api-token': {
          const token = tokens.get(principal.tokenId);
          const ends = token?.expiresAt?.getTime() ?? Number.POSITIVE_INFINITY;
          return token && !token.revokedAt && ends > nowMs ? undefined : ended('the API token has ended');
        }
        default: {
          const licence = licences.get(principal.licenceId);
          if (!licence) return ended('the licence is gone');
          const standing = standingOf(licenceFactsOf(licence), nowMs);
          if (standing.effect === 'deny') return new Fault(standing.code);
          watched.keyLookup ??= licence.keyLookup;
          if (principal.kind === 'licensee' && watched.keyLookup !== licence.keyLookup)
            return ended('the key was rotated');
          const sessionId = principal.kind === 'licensee' ? principal.session?.id : undefined;
          const session = sessionId === undefined ? undefined : sessions.get(sessionId);
          const over = sessionId !== undefined && (!session || session.endedAt || session.expiresAt.getTime() <= nowMs);
          return over ? ended('the session has ended') : undefined;
        }
      }
    };
  }
}

/** So long streams go on while nobody can say whether they may. */
const unknownMsMax = 60_000;

function idsOf(watched: readonly Watched[]) {
  const ids = {
    licences: new Set<string>(),
    sessions: new Set<string>(),
    tokens: new Set<string>(),
    users: new Set<string>(),
  };
  for (const { principal } of watched) {
    if (principal.kind === 'user') ids.users.add(principal.userId);
    else if (principal.kind === 'api-token') ids.tokens.add(principal.tokenId);
    else ids.licences.add(principal.licenceId);
    if (principal.kind === 'licensee' && principal.session) ids.sessions.add(principal.session.id);
  }
  return Object.fromEntries(Object.entries(ids).map(([kind, set]) => [kind, [...set]])) as {
    readonly [K in keyof typeof ids]: string[];
  };
}
