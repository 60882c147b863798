import { createHmac } from 'node:crypto';
import { Fault } from '@nm/kernel/fault';
import { FakeClock } from '@nm/kernel/time';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, type JWTHeaderParameters, SignJWT } from 'jose';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { IssuerKeys } from './issuer-keys.js';
import { type TrustedIssuer, verifyOidcUserToken } from './verify-user-token.js';

const clock = new FakeClock('2026-06-01T00:00:00Z');
const issuer: TrustedIssuer = {
  id: 'oidc_1',
  orgId: 'org_1',
  issuer: 'https://id.example.com',
  audience: 'guestbook',
  algorithms: ['ES256'],
  mapping: { claim: 'licence', holds: 'licence-id' },
  jwksUri: 'https://id.example.com/jwks',
};

interface Pair {
  readonly privateKey: CryptoKey;
  readonly jwk: JWK;
}
const pair = async (alg: string, kid: string): Promise<Pair> => {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return { privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg } };
};

describe('verifyOidcUserToken', () => {
  let current: Pair;
  let next: Pair;
  let rsa: Pair;
  let published: { keys: JWK[] };
  let fetches = 0;
  let down = false;
  let keys: IssuerKeys;

  beforeAll(async () => {
    [current, next, rsa] = await Promise.all([pair('ES256', 'a'), pair('ES256', 'b'), pair('RS256', 'r')]);
  });
  beforeEach(() => {
    published = { keys: [current.jwk] };
    fetches = 0;
    down = false;
    keys = new IssuerKeys(async () => {
      fetches += 1;
      if (down) throw new Fault('issuer_unusable');
      return structuredClone(published);
    }, clock);
  });

  const token = (claims: object = {}, by: Pair = current, header: Partial<JWTHeaderParameters> = {}) => {
    const nowSeconds = Math.floor(clock.nowMs() / 1000);
    const base = { iss: issuer.issuer, aud: issuer.audience, sub: 'ann', iat: nowSeconds, exp: nowSeconds + 600 };
    return new SignJWT({ ...base, licence: 'lic_1', ...claims })
      .setProtectedHeader({ alg: 'ES256', kid: by.jwk.kid, ...header } as JWTHeaderParameters)
      .sign(by.privateKey);
  };
  const verify = (text: string, issuers = [issuer]) => verifyOidcUserToken(text, { issuers, keys, clock });
  const refusal = async (text: string | Promise<string>) => {
    const fault = await verify(await text).catch((error: unknown) => error);
    return fault instanceof Fault ? fault.code : 'let in';
  };

  it('tells who it is and which licence the token names', async () => {
    expect(await verify(await token({ email: 'ann@example.com', name: 'Ann' }))).toEqual({
      issuerId: 'oidc_1',
      orgId: 'org_1',
      subject: 'ann',
      email: 'ann@example.com',
      name: 'Ann',
      licence: { holds: 'licence-id', value: 'lic_1' },
      expiresAtMs: clock.nowMs() + 600_000,
    });
    expect((await verify(await token({ email: 'ann@example.com', email_verified: false }))).email).toBeUndefined();
    await verify(await token({ aud: ['other', 'guestbook'] }));
  });

  it.each([
    ['another issuer', { iss: 'https://id.example.com.evil.example' }],
    ['an issuer that is almost right', { iss: 'https://id.example.com/' }],
    ['another audience', { aud: 'other' }],
    ['no audience', { aud: undefined }],
    ['no expiry', { exp: undefined }],
    ['no subject', { sub: undefined }],
    ['not valid yet', { nbf: Math.floor(clock.nowMs() / 1000) + 600 }],
    ['no licence claim', { licence: undefined }],
    ['a licence claim that is no text', { licence: { id: 'lic_1' } }],
    ['an empty licence claim', { licence: '' }],
  ])('refuses %s', async (_, claims) => {
    expect(await refusal(token(claims))).toBe('unauthenticated');
  });

  it('says when a token has expired, with half a minute for clocks that differ', async () => {
    const nowSeconds = Math.floor(clock.nowMs() / 1000);
    expect(await refusal(token({ exp: nowSeconds - 31 }))).toBe('token_expired');
    expect(await refusal(token({ exp: nowSeconds - 29 }))).toBe('let in');
  });

  it('never lets the token choose how it is checked', async () => {
    const parts = (await token()).split('.');
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const unsigned = `${encode({ alg: 'none' })}.${parts[1]}.`;
    expect(await refusal(unsigned)).toBe('unauthenticated');

    // The public key as an HMAC secret: the oldest trick.
    const body = `${encode({ alg: 'HS256', kid: 'a' })}.${parts[1]}`;
    for (const secret of [JSON.stringify(current.jwk), current.jwk.x ?? ''])
      expect(await refusal(`${body}.${createHmac('sha256', secret).update(body).digest('base64url')}`)).toBe(
        'unauthenticated',
      );

    // A key of the token's own, and an algorithm that the issuer does not use.
    expect(await refusal(token({}, next, { jwk: next.jwk, kid: 'a' }))).toBe('unauthenticated');
    published = { keys: [current.jwk, rsa.jwk] };
    expect(await refusal(token({}, rsa, { alg: 'RS256' }))).toBe('unauthenticated');
    expect(await refusal(token({}, current, { typ: 'nm-session+jwt' }))).toBe('unauthenticated');
    expect(await refusal(token({}, current, { typ: 'at+jwt' }))).toBe('let in');
    expect(await refusal(token({}, current, { crit: ['x'], x: 1 } as object).catch(() => 'a.b.c'))).toBe(
      'unauthenticated',
    );
  });

  it('uses the algorithms of the issuer only, although its JWKS has a key for others', async () => {
    published = { keys: [rsa.jwk] };
    expect(await refusal(token({}, rsa, { alg: 'RS256' }))).toBe('unauthenticated');
    const both: TrustedIssuer = { ...issuer, algorithms: ['ES256', 'RS256'] };
    expect((await verify(await token({}, rsa, { alg: 'RS256' }), [both])).subject).toBe('ann');
  });

  it('finds the issuer and the audience that the token names, among several', async () => {
    const others = [
      { ...issuer, id: 'oidc_2', issuer: 'https://other.example.com' },
      { ...issuer, id: 'oidc_3', audience: 'other' },
    ];
    expect((await verify(await token(), [...others, issuer])).issuerId).toBe('oidc_1');
    expect((await verify(await token({ aud: 'other' }), [issuer, ...others])).issuerId).toBe('oidc_3');
  });

  it('takes no secret and no key for encryption out of a JWKS', async () => {
    const { k: _, ...asEncryption } = { ...current.jwk, use: 'enc' };
    published = { keys: [asEncryption, { kty: 'oct', k: 'c2VjcmV0', kid: 'a', alg: 'ES256' }] };
    expect(await refusal(token())).toBe('unauthenticated');
  });

  it.each(['', 'x', 'a.b', 'a.b.c', `${'x'.repeat(9_000)}`, 'null.null.null'])(
    'refuses what is no token: %.20s',
    async (text) => {
      expect(await refusal(text)).toBe('unauthenticated');
    },
  );

  it('asks for the keys once, however many ask at the same time', async () => {
    const text = await token();
    await Promise.all(Array.from({ length: 20 }, () => verify(text)));
    expect(fetches).toBe(1);
  });

  it('follows a new key at once, but asks for unknown ones at most once in a minute', async () => {
    await verify(await token());
    await clock.advance(60_000);
    published = { keys: [next.jwk] };
    expect(await refusal(token({}, next))).toBe('let in');
    expect(fetches).toBe(2);
    for (let i = 0; i < 10; i++)
      expect(await refusal(token({}, current, { kid: `invented-${i}` }))).toBe('unauthenticated');
    expect(fetches).toBe(2);
    await clock.advance(60_000);
    expect(await refusal(token({}, current, { kid: 'invented' }))).toBe('unauthenticated');
    expect(fetches).toBe(3);
  });

  it('forgets a withdrawn key within ten minutes', async () => {
    await verify(await token());
    published = { keys: [next.jwk] };
    await clock.advance(600_000);
    expect(await refusal(token())).toBe('unauthenticated');
  });

  it('goes on for an hour while the issuer is away, and not longer', async () => {
    await verify(await token());
    down = true;
    await clock.advance(59 * 60_000);
    expect(await refusal(token())).toBe('let in');
    await clock.advance(60_000);
    expect(await refusal(token())).toBe('issuer_unusable');
  });
});
