import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { AuthGuard, PassportStrategy } from '@nestjs/passport';
import type { Vault } from '@nm/adapters/vault';
import { Fault, isFault } from '@nm/kernel/fault';
import { newId } from '@nm/kernel/ids';
import type { Clock } from '@nm/kernel/time';
import { ExtractJwt, Strategy } from 'passport-jwt';
import { accessAudience, tokenIssuer } from './access-token.js';
import type { UserPrincipal } from './principal.js';

interface AccessClaims {
  readonly sub?: unknown;
  readonly exp?: unknown;
}

/**
 * accessTokenGuard makes the passport-jwt strategy for access tokens and the guard that runs it; the guard leaves a `UserPrincipal` in `request.user`.
 * Passport keeps strategies in one process-wide table, so each gets a name of its own: two apps in one process do not share keys.
 */
export function accessTokenGuard(deps: { readonly vault: Vault; readonly clock: Clock }): CanActivate {
  const name = `access-token ${newId('request')}`;

  class AccessTokenStrategy extends PassportStrategy(Strategy, name) {
    constructor() {
      super({
        jwtFromRequest: ExtractJwt.fromAuthHeaderAsBearerToken(),
        secretOrKey: deps.vault.subkey('access-token'),
        algorithms: ['HS256'],
        issuer: tokenIssuer,
        audience: accessAudience,
        // Expiry is checked below, by our clock.
        ignoreExpiration: true,
      });
    }

    validate(claims: AccessClaims): UserPrincipal {
      if (typeof claims.sub !== 'string' || typeof claims.exp !== 'number')
        throw new Fault('unauthenticated', { internal: 'access token without sub or exp' });
      if (claims.exp * 1000 <= deps.clock.nowMs()) throw new Fault('token_expired');
      return { kind: 'user', userId: claims.sub };
    }
  }

  class AccessTokenGuard extends AuthGuard(name) {
    override handleRequest<T>(error: unknown, user: T | false, info: unknown, _context: ExecutionContext): T {
      if (isFault(error)) throw error;
      if (error || !user)
        throw new Fault('unauthenticated', { internal: 'access token refused', cause: error ?? info });
      return user;
    }
  }

  new AccessTokenStrategy();
  return new AccessTokenGuard();
}
