import { Fault } from '@nm/kernel/fault';
import { beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { type CertifiedKey, selfSigned } from '../../../testing/certificates.js';
import { type ParseOptions, parseKubeconfig } from './parse-kubeconfig.js';

type Fields = Record<string, unknown>;
const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** A kubeconfig with one context; what is given replaces or adds fields, undefined takes one away. */
function kubeconfig(cluster: Fields = {}, user: Fields = {}, top: Fields = {}): string {
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'c',
    clusters: [{ name: 'k', cluster: { server: 'https://k8s.example.com:6443', ...cluster } }],
    users: [{ name: 'u', user: { token: 'secret-token', ...user } }],
    contexts: [{ name: 'c', context: { cluster: 'k', user: 'u' } }],
    ...top,
  });
}

function failureOf(text: string, options?: ParseOptions): { code: string; paths: string[]; text: string } {
  try {
    parseKubeconfig(text, options);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    const issues = (error.extra['issues'] ?? []) as { path: string; message: string }[];
    return { code: error.code, paths: issues.map((issue) => issue.path), text: JSON.stringify(error.extra) };
  }
  throw new Error('it was accepted');
}

let pair: CertifiedKey;
let otherPair: CertifiedKey;
beforeAll(async () => {
  pair = await selfSigned('admin');
  otherPair = await selfSigned('other');
});

describe('parseKubeconfig', () => {
  it('keeps address, authority, server name and token, and says so', () => {
    const parsed = parseKubeconfig(
      kubeconfig({ 'certificate-authority-data': base64(pair.certificate), 'tls-server-name': 'api.internal' }),
    );
    expect(parsed).toMatchObject({
      server: 'https://k8s.example.com:6443',
      ca: pair.certificate,
      tlsServerName: 'api.internal',
      insecure: false,
      credential: { token: 'secret-token' },
    });
    expect(parsed.intake.kept.map((field) => field.path)).toEqual([
      'clusters.0.cluster.server',
      'clusters.0.cluster.certificate-authority-data',
      'clusters.0.cluster.tls-server-name',
      'users.0.user.token',
    ]);
    expect(parsed.intake.refused).toEqual([]);
    expect(JSON.stringify(parsed.intake)).not.toContain('secret-token');
  });

  it('keeps a client certificate with its key', () => {
    const user = {
      token: undefined,
      'client-certificate-data': base64(pair.certificate),
      'client-key-data': base64(pair.key),
    };
    expect(parseKubeconfig(kubeconfig({}, user)).credential).toEqual({
      clientCertificate: pair.certificate,
      clientKey: pair.key,
    });
  });

  it('uses the wanted context instead of the current one, and leaves the others alone', () => {
    const text = kubeconfig(
      {},
      {},
      {
        users: [
          { name: 'u', user: { exec: { command: 'sh' } } },
          { name: 'v', user: { token: 'other' } },
        ],
        contexts: [
          { name: 'c', context: { cluster: 'k', user: 'u' } },
          { name: 'd', context: { cluster: 'k', user: 'v' } },
        ],
      },
    );
    const parsed = parseKubeconfig(text, { context: 'd' });
    expect(parsed.credential).toEqual({ token: 'other' });
    expect(parsed.intake.ignored.map((field) => field.path)).toEqual(['users.0', 'contexts.0']);
    expect(failureOf(text)).toMatchObject({ code: 'kubeconfig_refused', paths: ['users.0.user.exec'] });
  });

  it('takes the token and reports what it left when there is more than the token', () => {
    const parsed = parseKubeconfig(
      kubeconfig({ 'proxy-url': 'http://10.0.0.1:3128' }, { tokenFile: '/var/run/token', exec: { command: 'aws' } }),
    );
    expect(parsed.credential).toEqual({ token: 'secret-token' });
    expect(parsed.intake.refused.map((field) => field.path)).toEqual([
      'clusters.0.cluster.proxy-url',
      'users.0.user.tokenFile',
      'users.0.user.exec',
    ]);
  });

  it('reports unknown fields as ignored', () => {
    const parsed = parseKubeconfig(kubeconfig({ extensions: [], flavour: 'mint' }));
    expect(parsed.intake.ignored.map((field) => field.path)).toEqual([
      'clusters.0.cluster.extensions',
      'clusters.0.cluster.flavour',
    ]);
  });

  it('accepts unchecked certificates only when asked to', () => {
    const text = kubeconfig({ 'insecure-skip-tls-verify': true });
    expect(failureOf(text)).toMatchObject({
      code: 'kubeconfig_refused',
      paths: ['clusters.0.cluster.insecure-skip-tls-verify'],
    });
    expect(parseKubeconfig(text, { allowInsecureTls: true }).insecure).toBe(true);
    expect(parseKubeconfig(kubeconfig({ 'insecure-skip-tls-verify': false })).insecure).toBe(false);
  });

  it('reads JSON, which is YAML', () => {
    const json = JSON.stringify({
      clusters: [{ name: 'k', cluster: { server: 'https://k' } }],
      users: [{ name: 'u', user: { token: 't' } }],
      contexts: [{ name: 'c', context: { cluster: 'k', user: 'u' } }],
    });
    expect(parseKubeconfig(json).server).toBe('https://k');
  });
});

const noToken = { token: undefined };
const u = 'users.0.user';
const k = 'clusters.0.cluster';

/** What comes instead of a token, and would run something, read something or act as somebody else. */
const refused: readonly [name: string, text: () => string, paths: string[]][] = [
  [
    'exec',
    () =>
      kubeconfig(
        {},
        { ...noToken, exec: { apiVersion: 'client.authentication.k8s.io/v1', command: 'touch', args: ['/tmp/pwned'] } },
      ),
    [`${u}.exec`],
  ],
  ['exec as text', () => kubeconfig({}, { ...noToken, exec: 'sh -c id' }), [`${u}.exec`]],
  [
    'exec with environment',
    () => kubeconfig({}, { ...noToken, exec: { command: 'x', env: [{ name: 'LD_PRELOAD', value: '/tmp/x.so' }] } }),
    [`${u}.exec`],
  ],
  [
    'auth-provider gcp with cmd-path',
    () => kubeconfig({}, { ...noToken, 'auth-provider': { name: 'gcp', config: { 'cmd-path': '/bin/sh' } } }),
    [`${u}.auth-provider`],
  ],
  [
    'auth-provider oidc',
    () =>
      kubeconfig(
        {},
        { ...noToken, 'auth-provider': { name: 'oidc', config: { 'idp-issuer-url': 'http://169.254.169.254' } } },
      ),
    [`${u}.auth-provider`],
  ],
  [
    'tokenFile',
    () => kubeconfig({}, { ...noToken, tokenFile: '/var/run/secrets/kubernetes.io/serviceaccount/token' }),
    [`${u}.tokenFile`],
  ],
  [
    'client key by file',
    () =>
      kubeconfig({}, { ...noToken, 'client-certificate-data': base64(pair.certificate), 'client-key': '/etc/shadow' }),
    [`${u}.client-key`],
  ],
  [
    'client certificate and key by file',
    () => kubeconfig({}, { ...noToken, 'client-certificate': '../../a', 'client-key': '/dev/zero' }),
    [`${u}.client-certificate`, `${u}.client-key`],
  ],
  [
    'password',
    () => kubeconfig({}, { ...noToken, username: 'admin', password: 'admin' }),
    [`${u}.username`, `${u}.password`],
  ],
  ['impersonation beside a token', () => kubeconfig({}, { as: 'system:admin' }), [`${u}.as`]],
  ['impersonated groups beside a token', () => kubeconfig({}, { 'as-groups': ['system:masters'] }), [`${u}.as-groups`]],
  [
    'impersonated uid and extra',
    () => kubeconfig({}, { 'as-uid': '0', 'as-user-extra': { scopes: ['all'] } }),
    [`${u}.as-uid`, `${u}.as-user-extra`],
  ],
  [
    'authority by file',
    () => kubeconfig({ 'certificate-authority': '/proc/self/environ' }),
    [`${k}.certificate-authority`],
  ],
  ['unchecked certificates', () => kubeconfig({ 'insecure-skip-tls-verify': true }), [`${k}.insecure-skip-tls-verify`]],
];

/** What is no usable kubeconfig. */
const invalid: readonly [name: string, text: () => string, paths: string[]][] = [
  ['nothing', () => ' ', ['']],
  ['a scalar', () => 'hello', ['']],
  ['a list', () => '- a', ['']],
  ['broken YAML', () => 'clusters: [', ['']],
  ['two documents', () => `${kubeconfig()}---\n${kubeconfig()}`, ['']],
  ['a key that stands twice', () => `${kubeconfig()}users: []\n`, ['']],
  ['an alias', () => 'a: &x {server: s}\nclusters: [*x]\nusers: []\ncontexts: []', ['']],
  [
    'a billion laughs',
    () =>
      `a: &a [x,x]\n${'bcdefghij'.replace(/./g, (c, i: number) => `${c}: &${c} [*${'abcdefghi'[i]},*${'abcdefghi'[i]}]\n`)}`,
    [''],
  ],
  ['a merge key', () => 'x: &x {token: t}\nusers: [{name: u, user: {<<: *x}}]\nclusters: []\ncontexts: []', ['']],
  ['a JavaScript tag', () => 'clusters: !!js/function "function(){}"\nusers: []\ncontexts: []', ['']],
  ['a Python tag', () => 'users: !!python/object/apply:os.system ["id"]\nclusters: []\ncontexts: []', ['']],
  ['a binary tag', () => 'users: [{name: u, user: {token: !!binary aGk=}}]\nclusters: []\ncontexts: []', ['']],
  ['a local tag', () => 'users: !include /etc/passwd\nclusters: []\ncontexts: []', ['']],
  ['deep flow nesting', () => '['.repeat(20_000), ['']],
  ['deep sequence nesting', () => `${'- '.repeat(20_000)}x`, ['']],
  ['deep key nesting', () => `${'? '.repeat(20_000)}x`, ['']],
  ['deep block nesting', () => Array.from({ length: 40 }, (_, i) => `${' '.repeat(i)}a:`).join('\n'), ['']],
  ['too many values', () => `clusters: [${'1,'.repeat(10_000)}1]`, ['']],
  ['too long a text', () => `# ${'x'.repeat(70_000)}`, ['']],
  ['another kind', () => kubeconfig({}, {}, { kind: 'Secret' }), ['kind']],
  ['no users', () => kubeconfig({}, {}, { users: undefined }), ['users']],
  ['users as a map', () => kubeconfig({}, {}, { users: { u: {} } }), ['users']],
  ['an unknown context', () => kubeconfig({}, {}, { 'current-context': 'nope' }), ['contexts']],
  ['a context named __proto__', () => kubeconfig({}, {}, { 'current-context': '__proto__' }), ['contexts']],
  [
    'an unknown user',
    () => kubeconfig({}, {}, { contexts: [{ name: 'c', context: { cluster: 'k', user: 'x' } }] }),
    ['contexts.0.context.user'],
  ],
  [
    'two users of one name',
    () =>
      kubeconfig(
        {},
        {},
        {
          users: [
            { name: 'u', user: { token: 'a' } },
            { name: 'u', user: { token: 'b' } },
          ],
        },
      ),
    ['contexts.0.context.user'],
  ],
  ['no server', () => kubeconfig({ server: undefined }), [`${k}.server`]],
  ['a file as server', () => kubeconfig({ server: 'file:///etc/passwd' }), [`${k}.server`]],
  ['plain http', () => kubeconfig({ server: 'http://k8s.example.com' }), [`${k}.server`]],
  ['a UNIX socket as server', () => kubeconfig({ server: 'unix:///var/run/docker.sock' }), [`${k}.server`]],
  ['a password in the address', () => kubeconfig({ server: 'https://a:b@k8s.example.com' }), [`${k}.server`]],
  ['a query in the address', () => kubeconfig({ server: 'https://k8s.example.com/?x=' }), [`${k}.server`]],
  ['a list as server', () => kubeconfig({ server: ['https://k'] }), [`${k}.server`]],
  ['no credential', () => kubeconfig({}, noToken), [u]],
  ['a token with a line break', () => kubeconfig({}, { token: 'a\r\nX-Evil: 1' }), [`${u}.token`]],
  ['a token that is a map', () => kubeconfig({}, { token: { a: 1 } }), [`${u}.token`]],
  [
    'an authority that is no certificate',
    () => kubeconfig({ 'certificate-authority-data': base64('hello') }),
    [`${k}.certificate-authority-data`],
  ],
  [
    'an authority that is no base64',
    () => kubeconfig({ 'certificate-authority-data': '%%%' }),
    [`${k}.certificate-authority-data`],
  ],
  ['a server name with a path', () => kubeconfig({ 'tls-server-name': 'a/../b' }), [`${k}.tls-server-name`]],
  [
    'a certificate without key',
    () => kubeconfig({}, { ...noToken, 'client-certificate-data': base64(pair.certificate) }),
    [`${u}.client-key-data`],
  ],
  [
    'a key of another certificate',
    () =>
      kubeconfig(
        {},
        { ...noToken, 'client-certificate-data': base64(pair.certificate), 'client-key-data': base64(otherPair.key) },
      ),
    [`${u}.client-key-data`],
  ],
];

describe('parseKubeconfig refuses', () => {
  it.each(refused)('%s', (_name, text, paths) => {
    const failure = failureOf(text());
    expect(failure).toMatchObject({ code: 'kubeconfig_refused', paths });
    expect(failure.text).not.toMatch(/secret-token|PRIVATE/);
  });
});

describe('parseKubeconfig finds unusable', () => {
  it.each(invalid)('%s', (_name, text, paths) => {
    const startedMs = performance.now();
    expect(failureOf(text())).toMatchObject({ code: 'kubeconfig_invalid', paths });
    expect(performance.now() - startedMs).toBeLessThan(2_000);
  });

  it('a corpus of fifty hostile texts and more', () => {
    expect(refused.length + invalid.length).toBeGreaterThan(50);
  });
});
