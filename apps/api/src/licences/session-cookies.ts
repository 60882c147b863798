import {
  type CookieForm,
  cookieFormOf,
  type LicenseePrincipal,
  type OpenedSession,
  sessionCookie,
} from '@nm/features/access';
import type { LicenceSession } from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import type { FastifyReply } from 'fastify';

/** A licensee whose credential is a session. */
export type SessionPrincipal = LicenseePrincipal & { readonly session: NonNullable<LicenseePrincipal['session']> };

/** SessionCookies puts sessions into answers, in the form in which each is held. */
export class SessionCookies {
  readonly #form: CookieForm | undefined;

  constructor(publicUrl: string) {
    this.#form = cookieFormOf(publicUrl);
  }

  /** @throws Fault conflict where a cookie would travel in the clear */
  requireForm(): CookieForm {
    if (this.#form) return this.#form;
    throw new Fault('conflict', {
      public: 'This server is not reached by https, so it hands out no cookies. Use a Bearer session.',
    });
  }

  answer(reply: FastifyReply, { text, cookie, answer }: OpenedSession): LicenceSession {
    if (cookie) void reply.header('set-cookie', sessionCookie(this.requireForm(), text, answer.expiresInSeconds));
    return answer;
  }

  clear(reply: FastifyReply): void {
    if (this.#form) void reply.header('set-cookie', sessionCookie(this.#form, '', 0));
  }
}
