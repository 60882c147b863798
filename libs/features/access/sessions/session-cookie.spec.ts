import { describe, expect, it } from 'vitest';
import { cookieFormOf, readSessionCookie, requireOwnPage, sessionCookie } from './session-cookie.js';

describe('the session’s cookie', () => {
  it('is bound to the host and to TLS, and in the clear only on loopback', () => {
    expect(cookieFormOf('https://kama.example.com')).toEqual({ name: '__Host-nm_session', secure: true });
    for (const url of ['http://127.0.0.1:8090', 'http://localhost:8090', 'http://[::1]:8090'])
      expect(cookieFormOf(url)).toEqual({ name: 'nm_session', secure: false });
    for (const url of ['http://kama.example.com', 'http://127.0.0.1.example.com', 'http://localhost.example.com'])
      expect(cookieFormOf(url)).toBeUndefined();
  });

  it('cannot be read by scripts, is not sent along by other sites, and goes away on logout', () => {
    const secure = { name: '__Host-nm_session', secure: true } as const;
    expect(sessionCookie(secure, 'a.b.c', 180)).toBe(
      '__Host-nm_session=a.b.c; Path=/; Max-Age=180; HttpOnly; SameSite=Lax; Secure',
    );
    expect(sessionCookie({ name: 'nm_session', secure: false }, '', 180)).toBe(
      'nm_session=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax',
    );
  });

  it.each([
    ['nm_session=a.b.c', 'a.b.c'],
    ['x=1; nm_session=a.b.c; y=2', 'a.b.c'],
    ['xnm_session=a.b.c', undefined],
    ['nm_session=', undefined],
    ['nm_session=a b', undefined],
    ['nm_session=a.b.c; nm_session=d.e.f', undefined],
    ['nm_session', undefined],
    [`x=${'y'.repeat(17_000)}; nm_session=a.b.c`, undefined],
    [undefined, undefined],
  ])('reads %s as %s', (header, expected) => {
    expect(readSessionCookie(header, { name: 'nm_session', secure: false })).toBe(expected);
  });

  const ours = ['https://kama.example.com'];
  const base = { upgrade: false, origin: undefined, fetchSite: undefined, csrf: undefined };
  it.each([
    ['a safe method from anywhere', { method: 'GET', origin: 'https://evil.example' }],
    ['our page', { method: 'POST', origin: 'https://kama.example.com', fetchSite: 'same-origin' }],
    ['our page, by Origin alone', { method: 'POST', origin: 'https://kama.example.com' }],
    ['our page, by Sec-Fetch-Site alone', { method: 'POST', fetchSite: 'same-origin' }],
    ['a program that says so', { method: 'POST', csrf: '1' }],
    ['a WebSocket of our page', { method: 'GET', upgrade: true, origin: 'https://kama.example.com' }],
  ])('lets in %s', (_, request) => {
    expect(() => requireOwnPage({ ...base, ...request }, ours)).not.toThrow();
  });
  it.each([
    ['another site', { method: 'POST', origin: 'https://evil.example', fetchSite: 'cross-site' }],
    ['another site that says it is none', { method: 'POST', origin: 'https://evil.example', csrf: '1' }],
    ['a sibling site', { method: 'DELETE', fetchSite: 'same-site' }],
    ['the address bar', { method: 'POST', fetchSite: 'none' }],
    ['an origin that hides', { method: 'POST', origin: 'null' }],
    ['nobody knows where from', { method: 'POST' }],
    ['a WebSocket of another site', { method: 'GET', upgrade: true, origin: 'https://evil.example' }],
    ['another site with a header that only programs send', { method: 'POST', fetchSite: 'cross-site', csrf: '1' }],
  ])('refuses %s', (_, request) => {
    expect(() => requireOwnPage({ ...base, ...request }, ours)).toThrow('csrf_refused');
  });
});
