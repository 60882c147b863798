import type { CanActivate, ExecutionContext } from '@nestjs/common';
import type { Reflector } from '@nestjs/core';
import { Fault, invariant } from '@nm/kernel/fault';
import { isSafeMethod } from '@nm/kernel/licensing';
import {
  type AccessRule,
  type AccessState,
  accessRuleKey,
  actionKey,
  type CredentialKind,
  formsOf,
  looksOnlyKey,
  readsOnlyKey,
} from './access.decorators.js';
import { type AuthenticateDeps, authenticate, formOf } from './authenticate.js';
import { bearerOf } from './bearer-of.js';
import type { Action } from './permissions.js';
import type { ApiTokenPrincipal, UserPrincipal } from './principal.js';
import { type LicenceUse, requireLicence } from './require-licence.js';
import { requireOrg } from './require-org.js';
import { type CookieForm, readSessionCookie, requireOwnPage } from './sessions/session-cookie.js';

interface AccessRequest extends AccessState {
  readonly method: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly params: Readonly<Record<string, string>>;
  readonly user?: UserPrincipal;
}

/** How browsers that hold a session cookie reach this app. */
export interface BrowserAccess {
  /** Absent: cookies are not taken, since they would travel in the clear. */
  readonly cookie: CookieForm | undefined;
  /** Origins whose pages are ours. */
  readonly origins: readonly string[];
}

export type AccessGuardDeps = AuthenticateDeps & { readonly browser: BrowserAccess };

/**
 * AccessGuard stands before every route. In order: who is it (401), is the organisation theirs to see (404), may they (403), does their licence
 * allow it now (403). All of that comes before the body is looked at.
 */
export class AccessGuard implements CanActivate {
  readonly #reflector: Reflector;
  readonly #deps: AccessGuardDeps;
  readonly #accessToken: CanActivate;

  /** @param accessToken the guard that checks access tokens (passport) */
  constructor(reflector: Reflector, deps: AccessGuardDeps, accessToken: CanActivate) {
    this.#reflector = reflector;
    this.#deps = deps;
    this.#accessToken = accessToken;
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const rule = this.#read<AccessRule>(context, accessRuleKey);
    if (!rule) throw new Fault('forbidden', { internal: 'a route without Allow or Public' });
    if (rule.kinds.length === 0) return true;
    const request = context.switchToHttp().getRequest<AccessRequest>();
    request.principal = await this.#authenticate(context, request, rule.kinds);
    const action = this.#read<Action>(context, actionKey);
    if (action) {
      const { principal } = request;
      invariant(isPublisher(principal), 'a route with Needs is for publishers');
      request.org = await requireOrg(this.#deps.db, principal, request.params['org'] ?? '', action);
    }
    return true;
  }

  async #authenticate(context: ExecutionContext, request: AccessRequest, kinds: readonly CredentialKind[]) {
    const text = this.#cookieOf(request) ?? bearerOf(request.headers['authorization']);
    const form = formOf(text);
    if (!kinds.some((kind) => formsOf[kind].includes(form)))
      throw new Fault('unauthenticated', {
        public: `This route does not take that kind of credential. It takes: ${kinds.join(', ')}.`,
      });
    if (form === 'access-token') {
      await this.#accessToken.canActivate(context);
      invariant(request.user, 'the access token guard leaves a user');
      return request.user;
    }
    const { principal, licence } = await authenticate(form, text, this.#deps);
    if (licence) {
      const mode = principal.kind === 'install' ? principal.mode : 'full';
      requireLicence(licence, this.#useOf(context, request.method), this.#deps.clock.nowMs(), mode);
    }
    return principal;
  }

  /** A session cookie counts when there is no other credential; it never proves more than a session. */
  #cookieOf({ method, headers }: AccessRequest): string | undefined {
    const { cookie, origins } = this.#deps.browser;
    if (headers['authorization'] !== undefined || cookie === undefined) return undefined;
    const text = readSessionCookie(headers['cookie'], cookie);
    if (text === undefined) return undefined;
    if (formOf(text) !== 'licence-session')
      throw new Fault('unauthenticated', { internal: 'no session in the cookie' });
    const { origin, 'sec-fetch-site': fetchSite, 'nm-csrf': csrf } = headers;
    requireOwnPage({ method, upgrade: false, origin, fetchSite, csrf }, origins);
    return text;
  }

  #useOf(context: ExecutionContext, method: string): LicenceUse {
    if (isSafeMethod(method) || this.#read<boolean>(context, looksOnlyKey)) return 'look';
    return this.#read<boolean>(context, readsOnlyKey) ? 'use' : 'change';
  }

  #read<T>(context: ExecutionContext, key: string): T | undefined {
    return this.#reflector.getAllAndOverride<T | undefined>(key, [context.getHandler(), context.getClass()]);
  }
}

const isPublisher = (principal: AccessState['principal']): principal is UserPrincipal | ApiTokenPrincipal =>
  principal?.kind === 'user' || principal?.kind === 'api-token';
