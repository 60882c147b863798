import { Body, Controller, Delete, Headers, Inject, Post, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Db } from '@nm/adapters/db';
import { Vault } from '@nm/adapters/vault';
import {
  type AccessDeps,
  Allow,
  bearerOf,
  CurrentPrincipal,
  endLicenceSession,
  type LicenseePrincipal,
  LooksOnly,
  openLicenceSession,
  ReadsOnly,
  renewLicenceSession,
} from '@nm/features/access';
import { Answers } from '@nm/features/http';
import { LicenceSession, OpenSession } from '@nm/kernel/contracts';
import type { Clock } from '@nm/kernel/time';
import type { FastifyReply } from 'fastify';
import type { ApiConfig } from '../platform/api-config.js';
import { API_CONFIG, CLOCK } from '../platform/tokens.js';
import { SessionCookies, type SessionPrincipal } from './session-cookies.js';

@ApiTags('licence')
@Controller('v1/licence/session')
export class OwnSessionController {
  readonly #deps: AccessDeps;
  readonly #cookies: SessionCookies;

  constructor(db: Db, vault: Vault, @Inject(CLOCK) clock: Clock, @Inject(API_CONFIG) config: ApiConfig) {
    this.#deps = { db, vault, clock };
    this.#cookies = new SessionCookies(config.publicApiUrl);
  }

  @Post()
  @Allow('licence-key')
  @ReadsOnly()
  @Answers(200, LicenceSession, 'Exchange the licence key for a session: a short-lived token, or a cookie for browsers')
  async open(
    @CurrentPrincipal() principal: LicenseePrincipal,
    @Headers('authorization') authorization: string,
    @Body({ schema: OpenSession.prefault({}) }) body: OpenSession,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<LicenceSession> {
    if (body.cookie) this.#cookies.requireForm();
    return this.#cookies.answer(reply, await openLicenceSession(this.#deps, principal, bearerOf(authorization), body));
  }

  @Post('heartbeat')
  @Allow('licence-session')
  @ReadsOnly()
  @Answers(200, LicenceSession, 'Keep a session and its seat: it gets a new token of full length')
  async heartbeat(
    @CurrentPrincipal() principal: SessionPrincipal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<LicenceSession> {
    return this.#cookies.answer(reply, await renewLicenceSession(this.#deps, principal));
  }

  @Delete()
  @Allow('licence-session')
  @LooksOnly()
  @Answers(204, undefined, 'End the session at once, everywhere; its seat is free')
  async end(
    @CurrentPrincipal() { orgId, licenceId, session }: SessionPrincipal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<void> {
    await endLicenceSession(this.#deps, { orgId, licenceId, sessionId: session.id });
    this.#cookies.clear(reply);
  }
}
