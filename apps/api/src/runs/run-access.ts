import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { Db } from '@nm/adapters/db';
import { EgressPolicy } from '@nm/adapters/egress';
import type { Logger } from '@nm/adapters/telemetry';
import { Vault } from '@nm/adapters/vault';
import { type Principal, StreamRights } from '@nm/features/access';
import { previewRun, RunFeed, type RunPrincipal, type RunScope, type StartRunDeps } from '@nm/features/actions';
import { ClusterSessions } from '@nm/features/clusters';
import { EventStreams } from '@nm/features/http';
import type { CreateRun, RunPreview } from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import type { Clock } from '@nm/kernel/time';
import type { FastifyReply } from 'fastify';
import { decodeJwt } from 'jose';
import { CLOCK, LOGGER } from '../platform/tokens.js';

/** RunAccess holds what the routes of runs work with. */
@Injectable()
export class RunAccess implements StartRunDeps, OnModuleDestroy {
  readonly #feed: RunFeed;
  readonly #rights: StreamRights;

  constructor(
    readonly db: Db,
    @Inject(CLOCK) readonly clock: Clock,
    readonly vault: Vault,
    readonly policy: EgressPolicy,
    readonly streams: EventStreams,
    @Inject(LOGGER) readonly logger: Logger,
  ) {
    this.#feed = new RunFeed(db, clock);
    this.#rights = new StreamRights(db, clock);
  }

  /** preview tries a plan by sessions of its own: the credential is held no longer than that takes. See `previewRun`. */
  async preview(principal: RunPrincipal, body: CreateRun): Promise<RunPreview> {
    const { db, clock, vault, policy } = this;
    const sessions = new ClusterSessions({ db, clock, vault, policy });
    try {
      return await previewRun({ db, clock, sessions }, principal, body);
    } finally {
      await sessions.close();
    }
  }

  /**
   * stream answers with a run's events as they come, and ends after the last. What is wrong with the request is said before the stream begins.
   * A client that reconnects although it has all of an ended run gets 204, which tells an EventSource to stop. The stream is cut within two
   * seconds of the end of what it was opened by: the licence, the session, the token.
   * @param lastEventId number of the last event that the client has
   * @throws Fault not_found, invalid_query, and what `StreamRights` throws
   */
  async stream(
    principal: Principal,
    scope: RunScope,
    runId: string,
    lastEventId: string | undefined,
    reply: FastifyReply,
  ): Promise<void> {
    const afterSeq = seqOf(lastEventId);
    const { events, ended } = await this.#feed.first(scope, runId, afterSeq);
    const endsMs = endOf(reply.request.headers.authorization);
    const right = await this.#rights.watch({ principal, orgId: scope.orgId, needs: 'runs.read', endsMs });
    if (ended && events.length === 0) {
      right.end();
      return void reply.status(204).send();
    }
    const stream = this.streams.open(reply);
    const cut = () => stream.end();
    right.signal.addEventListener('abort', cut, { once: true });
    try {
      await this.#feed.follow(scope, runId, afterSeq, {
        signal: stream.signal,
        send: ({ seq, kind, at, data }) => stream.send({ id: seq, event: kind, data: { at, ...data } }),
      });
    } catch (err) {
      // The head of the answer is out; the client comes back and goes on where it was.
      this.logger.warn({ err, runId }, 'a run’s stream broke off');
    } finally {
      right.end();
      stream.end();
    }
  }

  async onModuleDestroy(): Promise<void> {
    await Promise.all([this.#feed.close(), this.#rights.close()]);
  }
}

/** When the token ends, milliseconds since 1970; keys have no end of their own, and the guard has verified the token. */
function endOf(authorization: string | undefined): number | undefined {
  const token = authorization?.split(' ').at(-1) ?? '';
  if (token.split('.').length !== 3) return undefined;
  const { exp } = decodeJwt(token);
  return exp === undefined ? undefined : exp * 1000;
}

function seqOf(lastEventId: string | undefined): number {
  if (lastEventId === undefined || lastEventId === '') return 0;
  if (/^\d{1,9}$/.test(lastEventId)) return Number(lastEventId);
  throw new Fault('invalid_query', { extra: { issues: [{ path: 'Last-Event-ID', message: 'not an event id' }] } });
}
