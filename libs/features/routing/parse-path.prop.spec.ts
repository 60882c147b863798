import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseAppPath, parseClusterPath } from './parse-path.js';

const slug = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?$/);
const segment = fc.stringMatching(/^(?:[A-Za-z0-9_~!$&'()*+,=:@-]|%20|%c3%a9|%2a){1,12}$/);
const rest = fc.array(segment, { maxLength: 5 }).map((parts) => parts.map((part) => `/${part}`).join(''));
const query = fc.option(fc.stringMatching(/^[A-Za-z0-9=&%/.?]{0,20}$/), { nil: undefined });

describe('parseAppPath', () => {
  it('gives back every byte behind the app, query included', () => {
    fc.assert(
      fc.property(slug, slug, fc.option(slug, { nil: undefined }), rest, query, (org, app, selector, path, search) => {
        const tail = path + (search === undefined ? '' : `?${search}`);
        const url = `/kama/${org}/${app}${selector === undefined ? '' : `@${selector}`}${tail}`;
        expect(parseAppPath(url)).toEqual({
          kind: 'kama',
          appPath: `${org}/${app}`,
          selector,
          prefix: url.slice(0, url.length - tail.length),
          rest: tail.startsWith('/') ? tail : `/${tail}`,
          encodedSlashes: false,
        });
      }),
    );
  });

  it('never lets through a path that another server could read as leaving the app', () => {
    const trick = fc.constantFrom(
      '..',
      '.',
      '%2e%2e',
      '.%2E',
      '%2e',
      '..;a',
      '%2E%2e;',
      '..%2fa',
      'a%2F..',
      'a%5c%2e%2E%2fb',
      'a%2f%5cb',
      '%2fa',
      'a\\b',
      'a%00',
      'a%0d',
      '',
      'a%',
      'a%g1',
      'a#b',
      'a\tb',
      'a%7f',
    );
    fc.assert(
      fc.property(slug, slug, rest, trick, rest, (org, app, before, bad, after) => {
        const url = `/kama/${org}/${app}${before}/${bad}${after === '' ? '/x' : after}`;
        expect([url, parseAppPath(url)]).toEqual([url, undefined]);
      }),
    );
  });

  it('accepts nothing that a URL parser would move out of /kama/:org/:app', () => {
    const noise = fc.array(
      fc.constantFrom(
        '/',
        '.',
        '..',
        '%2e',
        '%2f',
        '%5c',
        '\\',
        ';',
        'a',
        'kama',
        '@',
        '%',
        '?',
        '//',
        '%00',
        '%25',
        '\u00e9',
      ),
      { maxLength: 12 },
    );
    fc.assert(
      fc.property(noise, (parts) => {
        const url = `/kama/acme/app/${parts.join('')}`;
        const parsed = parseAppPath(url);
        if (!parsed) return;
        expect(new URL(`http://x${url}`).pathname).toMatch(/^\/kama\/acme\/app\//);
        // Whoever decodes slashes first must not get out either.
        const decoded = url.replace(/%2f|%5c/gi, '/');
        expect(new URL(`http://x${decoded}`).pathname).toMatch(/^\/kama\/acme\/app\//);
        expect(new URL(`http://x${parsed.rest}`).host).toBe('x');
        // Byte by byte: escapes that are no UTF-8 (`%aa`) may pass.
        const bytes = url
          .split('?')[0]!
          .replace(/%([0-9a-f]{2})/gi, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
        expect(bytes).not.toMatch(/\/\.\.?(\/|;|$)/);
      }),
      { numRuns: 2000 },
    );
  });

  it.each([
    '/kama',
    '/kama/',
    '/kama/acme',
    '/kama/acme/',
    '/kama//app',
    '/kama/acme//x',
    '/kama/ACME/app',
    '/kama/acme/app@',
    '/kama/acme/@1',
    '/kama/acme/app@a@b',
    '/kama/a%63me/app',
    '/kama/-a/app',
    '/kama/acme/app@..',
    '/kama/../app/x',
    '/kama/acme/./x',
    '/kamA/acme/app',
    `/kama/${'a'.repeat(64)}/app`,
    '/kama/acme?x=/app',
    'http://evil/kama/acme/app',
  ])('refuses %s', (url) => {
    expect(parseAppPath(url)).toBeUndefined();
  });

  it('leaves the query alone: it is the app that reads it', () => {
    expect(parseAppPath('/kama/acme/app/x?p=../%2e%2e//a%2fb%00')?.rest).toBe('/x?p=../%2e%2e//a%2fb%00');
    expect(parseAppPath('/kama/acme/app?x')?.rest).toBe('/?x');
    expect(parseAppPath('/kama/acme/app@1.2.0')).toMatchObject({ appPath: 'acme/app', selector: '1.2.0', rest: '/' });
    expect(parseAppPath('/kama/acme/app/x@y')).toMatchObject({
      appPath: 'acme/app',
      selector: undefined,
      rest: '/x@y',
    });
  });

  it('tells of encoded slashes in the app’s own part, and takes them nowhere else', () => {
    for (const rest of ['/a%2Fb', '/a%5cb/c', '/a%2f'])
      expect(parseAppPath(`/kama/acme/app${rest}`)).toMatchObject({ rest, encodedSlashes: true });
    expect(parseAppPath('/kama/acme/app/a?b=%2f')?.encodedSlashes).toBe(false);
    for (const url of ['/kama/acme%2fapp/x', '/kama/acme/app%2Fx', '/kama/acme/app@1%2f2', '/kama%2facme/app/x'])
      expect(parseAppPath(url)).toBeUndefined();
  });

  it('reads an engine’s path, whose version is always named', () => {
    expect(parseAppPath('/ktea/acme/engine/1.2.0/template?release_name=x')).toEqual({
      kind: 'ktea',
      appPath: 'acme/engine',
      selector: '1.2.0',
      prefix: '/ktea/acme/engine/1.2.0',
      rest: '/template?release_name=x',
      encodedSlashes: false,
    });
    expect(parseAppPath('/ktea/acme/engine/1.2.0')).toMatchObject({ selector: '1.2.0', rest: '/' });
    for (const url of [
      '/ktea/acme/engine',
      '/ktea/acme/engine/',
      '/ktea/acme',
      '/ktea/acme/engine/A',
      '/ktea/a/b@1/1/x',
    ])
      expect([url, parseAppPath(url)]).toEqual([url, undefined]);
  });
});

describe('parseClusterPath', () => {
  it('gives the cluster and the raw rest', () => {
    expect(parseClusterPath('/clusters/clu_1/proxy/api/v1/pods?watch=1')).toEqual({
      clusterId: 'clu_1',
      rest: '/api/v1/pods?watch=1',
    });
    expect(parseClusterPath('/clusters/clu_1/proxy')).toEqual({ clusterId: 'clu_1', rest: '/' });
  });
  it.each([
    '/clusters/clu_1/proxyx',
    '/clusters/clu_1/other/x',
    '/clusters//proxy/x',
    '/clusters/clu_1/proxy/../x',
    '/clusters/CLU/proxy/x',
    '/clusters/clu_1/proxy//x',
    '/clusters/clu_1/proxy/a%2fb',
  ])('refuses %s', (url) => {
    expect(parseClusterPath(url)).toBeUndefined();
  });
});
