import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { isFault } from '@nm/kernel/fault';
import { describe, expect, it } from 'vitest';
import { decide } from '../decide.js';
import type { OfflineClaims } from './offline-claims.js';
import { signOfflineLicence } from './sign-offline-licence.js';
import { type OfflineCheck, verifyOfflineLicence } from './verify-offline-licence.js';

const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const keys = new Map<string, KeyObject>([['k1', publicKey]]);
const claims: OfflineClaims = {
  iss: 'nmachine',
  aud: 'app_1',
  sub: 'lic_1',
  jti: 'doc_1',
  iat: 1_000,
  nbf: 1_000,
  exp: 5_000,
  licence: {
    state: 'active',
    startsAtMs: 0,
    expiresAtMs: 2_000_000,
    grace: [{ mode: 'read-only', seconds: 1_000 }],
    trial: false,
  },
  plan: { slug: 'pro', entitlements: { sso: true }, limits: { installsMax: 2 } },
  customer: { id: 'cust_1', name: 'Acme' },
  rules: [{ id: 'no-beta', name: 'No beta', effect: 'deny', when: 'channel == "beta"' }],
  rulesVersion: 3,
};
const check: OfflineCheck = { keys, appId: 'app_1', nowMs: 1_500_000 };
const key = { kid: 'k1', privateKey };
const token = signOfflineLicence(claims, key);
const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const forge = (header: unknown, payload: unknown, signer = privateKey) => {
  const signed = `${encode(header)}.${encode(payload)}`;
  return `${signed}.${sign(null, Buffer.from(signed), signer).toString('base64url')}`;
};
const header = { alg: 'EdDSA', typ: 'nm-licence+jwt', kid: 'k1' };
const faultOf = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    if (isFault(error)) return error.message;
    throw error;
  }
  return 'none';
};
const refusal = (text: string, by: Partial<OfflineCheck> = {}) =>
  faultOf(() => verifyOfflineLicence(text, { ...check, ...by }));

describe('an offline licence', () => {
  it('decides like the licence itself, with the rules that came with it', () => {
    const { facts, rules, nowMs, clockBehindMs } = verifyOfflineLicence(token, check);
    expect({ nowMs, clockBehindMs }).toEqual({ nowMs: 1_500_000, clockBehindMs: 0 });
    expect(facts).toEqual({
      licence: { id: 'lic_1', ...claims.licence },
      plan: claims.plan,
      customer: claims.customer,
    });
    const request = { method: 'GET', path: '/', routeClass: 'read' as const, address: '127.0.0.1' };
    const at = (now: number, channel: string) => decide(rules, { ...facts, version: '1', channel, request }, now).code;
    expect(at(nowMs, 'stable')).toBe('licence_active');
    expect(at(nowMs, 'beta')).toBe('rule_denied');
    expect(at(2_000_000, 'stable')).toBe('licence_grace');
    expect(at(3_000_000, 'stable')).toBe('licence_expired');
  });

  it('keeps a licence without expiry, and one that runs from first use', () => {
    const { expiresAtMs, ...open } = claims.licence;
    const factsFor = (licence: OfflineClaims['licence']) =>
      verifyOfflineLicence(signOfflineLicence({ ...claims, licence }, key), check).facts.licence;
    expect(factsFor(open)).toEqual({ id: 'lic_1', ...open, expiresAtMs: undefined });
    expect(factsFor({ ...open, firstUse: { seconds: 60, usedAtMs: 7 } }).firstUse).toEqual({
      seconds: 60,
      usedAtMs: 7,
    });
    expect(factsFor({ ...open, firstUse: { seconds: 60 } }).firstUse).toEqual({ seconds: 60, usedAtMs: undefined });
    expect(factsFor(open)).not.toHaveProperty('firstUse');
  });

  it('is good from nbf (inclusive) to exp (exclusive)', () => {
    const later = signOfflineLicence({ ...claims, nbf: 2_000 }, key);
    expect(refusal(later, { nowMs: 1_999_999 })).toBe('offline_licence_invalid: not valid yet');
    expect(refusal(later, { nowMs: 2_000_000 })).toBe('none');
    expect(refusal(token, { nowMs: 4_999_999 })).toBe('none');
    expect(refusal(token, { nowMs: 5_000_000 })).toMatch(/^offline_licence_stale/);
  });

  it('gains nothing when the clock is turned back, and says that it was', () => {
    const behind = verifyOfflineLicence(token, { ...check, nowMs: 500_000 });
    expect([behind.nowMs, behind.clockBehindMs]).toEqual([1_000_000, 500_000]);
    const seen = verifyOfflineLicence(token, { ...check, nowMs: 1_200_000, lastSeenMs: 3_000_000 });
    expect([seen.nowMs, seen.clockBehindMs]).toEqual([3_000_000, 1_800_000]);
    expect(refusal(token, { nowMs: 1_200_000, lastSeenMs: 5_000_000 })).toMatch(/^offline_licence_stale/);
    expect(verifyOfflineLicence(token, { ...check, lastSeenMs: 1_200_000 }).clockBehindMs).toBe(0);
  });

  it('is refused for another app, by another key, or when a bit is another', () => {
    const stranger = generateKeyPairSync('ed25519').privateKey;
    expect(refusal(token, { appId: 'app_2' })).toBe('offline_licence_invalid: for another app');
    expect(refusal(forge({ ...header, kid: 'k2' }, claims))).toBe('offline_licence_invalid: unknown key');
    expect(refusal(forge(header, claims, stranger))).toBe('offline_licence_invalid: signature');
    const [head = '', body = '', signature = ''] = token.split('.');
    const changed = encode({ ...claims, exp: 9_000_000 });
    expect(refusal(`${head}.${changed}.${signature}`)).toBe('offline_licence_invalid: signature');
    expect(refusal(`${head}.${body}.`)).toBe('offline_licence_invalid: signature');
    expect(refusal(`${head}.${body}.${signature}=`)).toBe('offline_licence_invalid: not base64url');
    expect(refusal(`${head}.${body}`)).toBe('offline_licence_invalid: not a compact JWS');
    expect(refusal(`${token}.x`)).toBe('offline_licence_invalid: not a compact JWS');
    expect(refusal('')).toBe('offline_licence_invalid: not a compact JWS');
    expect(refusal(`${head}.${'A'.repeat(300_000)}.${signature}`)).toBe('offline_licence_invalid: not a compact JWS');
  });

  it('takes no other algorithm, type, header or shape of claims', () => {
    for (const bad of [{ alg: 'none' }, { alg: 'HS256' }, { typ: 'JWT' }, { crit: ['x'] }, { kid: 7 }])
      expect(refusal(forge({ ...header, ...bad }, claims))).toBe('offline_licence_invalid: header');
    for (const bad of [
      { iss: 'me' },
      { aud: ['app_1'] },
      { exp: '5000' },
      { more: 1 },
      { licence: {} },
      { rules: 'all' },
    ])
      expect(refusal(forge(header, { ...claims, ...bad }))).toBe('offline_licence_invalid: claims');
    const rsa = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey;
    expect(refusal(token, { keys: new Map([['k1', rsa]]) })).toBe('offline_licence_invalid: unknown key');
    expect(refusal(`${Buffer.from('{').toString('base64url')}.e30.e30`)).toBe('offline_licence_invalid: header');
  });

  it('is not signed with another kind of key or without sense', () => {
    const other = generateKeyPairSync('x25519').privateKey;
    expect(faultOf(() => signOfflineLicence(claims, { kid: 'k1', privateKey: other }))).toContain('Ed25519');
    expect(faultOf(() => signOfflineLicence({ ...claims, exp: claims.nbf }, key))).toContain(
      'claims of an offline licence',
    );
    expect(faultOf(() => signOfflineLicence({ ...claims, aud: '' }, key))).toContain('claims of an offline licence');
  });
});
