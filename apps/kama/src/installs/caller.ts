import { type ContextClaims, contextHeader, contextIssuer, ContextClaims as Schema } from '@nm/kernel/contracts';
import { Fault, isFault } from '@nm/kernel/fault';
import { createRemoteJWKSet, type JWTVerifyGetKey, jwtVerify } from 'jose';

/** Caller is who asks, for which install, and with what right: what the gateway signed into `Nm-Context`. */
export interface Caller {
  /** The header itself; with an install it is the credential for NMachine's API and the cluster proxy. */
  readonly token: string;
  readonly claims: ContextClaims;
}

/** CallerReader verifies the context of requests; the gateway's keys are fetched once and kept. */
export class CallerReader {
  readonly #jwksUrl: string;
  #keys: JWTVerifyGetKey | undefined;
  readonly #appId: string | undefined;

  /** @param appId the one app that is served here; without it, any: the context says which */
  constructor(jwksUrl: string, appId?: string) {
    this.#jwksUrl = jwksUrl;
    this.#appId = appId;
  }

  /** read gives the caller of a request. @throws Fault unauthenticated without a context that the gateway signed for this app */
  async read(headers: Readonly<Record<string, unknown>>): Promise<Caller> {
    const token = headers[contextHeader];
    if (typeof token !== 'string' || token === '')
      throw new Fault('unauthenticated', { public: 'This app answers through the gateway of NMachine only.' });
    try {
      // Made by the first request: it loads the HTTP client of Node.
      this.#keys ??= createRemoteJWKSet(new URL(this.#jwksUrl), { cooldownDuration: 1_000, timeoutDuration: 3_000 });
      const { payload } = await jwtVerify(token, this.#keys, {
        issuer: contextIssuer,
        ...(this.#appId === undefined ? {} : { audience: this.#appId }),
        algorithms: ['EdDSA'],
        clockTolerance: 5,
      });
      const claims = Schema.parse(payload);
      if (![claims.aud].flat().includes(claims.appId)) throw new Fault('unauthenticated');
      return { token, claims };
    } catch (cause) {
      if (isFault(cause)) throw cause;
      const code = (cause as { code?: string }).code ?? '';
      if (code === 'ERR_JWKS_TIMEOUT' || !code.startsWith('ERR_J'))
        throw new Fault('upstream_unreachable', {
          public: 'The keys of NMachine cannot be fetched right now. Try again.',
          cause,
        });
      throw new Fault('unauthenticated', { public: 'The header Nm-Context was not signed for this app.', cause });
    }
  }
}
