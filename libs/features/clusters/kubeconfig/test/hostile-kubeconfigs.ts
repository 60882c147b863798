import { stringify } from 'yaml';

type Fields = Record<string, unknown>;
export const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** kubeconfig writes one with one context; what is given replaces or adds fields, undefined takes one away. */
export function kubeconfig(cluster: Fields = {}, user: Fields = {}, top: Fields = {}): string {
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

/** PEM. */
interface CertifiedKey {
  readonly certificate: string;
  readonly key: string;
}

/** Two certificates, each with its key. */
export interface Pairs {
  readonly pair: CertifiedKey;
  readonly otherPair: CertifiedKey;
}

/** Its name, the text, the fields that stop it, and why. */
type HostileKubeconfig = readonly [name: string, text: (pairs: Pairs) => string, paths: string[], says: string];

const noToken = { token: undefined };
const u = 'users.0.user';
const k = 'clusters.0.cluster';

/** What comes instead of a token, and would run something, read something or act as somebody else. */
export const refusedKubeconfigs: readonly HostileKubeconfig[] = [
  [
    'exec',
    () =>
      kubeconfig(
        {},
        { ...noToken, exec: { apiVersion: 'client.authentication.k8s.io/v1', command: 'touch', args: ['/tmp/pwned'] } },
      ),
    [`${u}.exec`],
    'runs a command',
  ],
  ['exec as text', () => kubeconfig({}, { ...noToken, exec: 'sh -c id' }), [`${u}.exec`], 'runs a command'],
  [
    'exec with environment',
    () => kubeconfig({}, { ...noToken, exec: { command: 'x', env: [{ name: 'LD_PRELOAD', value: '/tmp/x.so' }] } }),
    [`${u}.exec`],
    'runs a command',
  ],
  [
    'auth-provider gcp with cmd-path',
    () => kubeconfig({}, { ...noToken, 'auth-provider': { name: 'gcp', config: { 'cmd-path': '/bin/sh' } } }),
    [`${u}.auth-provider`],
    'runs a command or refreshes tokens elsewhere',
  ],
  [
    'auth-provider oidc',
    () =>
      kubeconfig(
        {},
        { ...noToken, 'auth-provider': { name: 'oidc', config: { 'idp-issuer-url': 'http://169.254.169.254' } } },
      ),
    [`${u}.auth-provider`],
    'runs a command or refreshes tokens elsewhere',
  ],
  [
    'tokenFile',
    () => kubeconfig({}, { ...noToken, tokenFile: '/var/run/secrets/kubernetes.io/serviceaccount/token' }),
    [`${u}.tokenFile`],
    'names a file; put its content into token',
  ],
  [
    'client key by file',
    ({ pair }) =>
      kubeconfig({}, { ...noToken, 'client-certificate-data': base64(pair.certificate), 'client-key': '/etc/shadow' }),
    [`${u}.client-key`],
    'names a file; put its content into client-key-data',
  ],
  [
    'client certificate and key by file',
    () => kubeconfig({}, { ...noToken, 'client-certificate': '../../a', 'client-key': '/dev/zero' }),
    [`${u}.client-certificate`, `${u}.client-key`],
    'names a file; put its content into client-',
  ],
  [
    'password',
    () => kubeconfig({}, { ...noToken, username: 'admin', password: 'admin' }),
    [`${u}.username`, `${u}.password`],
    'basic authentication left Kubernetes with 1.19',
  ],
  [
    'impersonation beside a token',
    () => kubeconfig({}, { as: 'system:admin' }),
    [`${u}.as`],
    'impersonation is not used; give the credential of the identity itself',
  ],
  [
    'impersonated groups beside a token',
    () => kubeconfig({}, { 'as-groups': ['system:masters'] }),
    [`${u}.as-groups`],
    'impersonation is not used; give the credential of the identity itself',
  ],
  [
    'impersonated uid and extra',
    () => kubeconfig({}, { 'as-uid': '0', 'as-user-extra': { scopes: ['all'] } }),
    [`${u}.as-uid`, `${u}.as-user-extra`],
    'impersonation is not used; give the credential of the identity itself',
  ],
  [
    'authority by file',
    () => kubeconfig({ 'certificate-authority': '/proc/self/environ' }),
    [`${k}.certificate-authority`],
    'names a file; put its content into certificate-authority-data',
  ],
  [
    'unchecked certificates',
    () => kubeconfig({ 'insecure-skip-tls-verify': true }),
    [`${k}.insecure-skip-tls-verify`],
    'the API server could be anybody; send "allowInsecureTls": true to accept that',
  ],
];

/** What is no usable kubeconfig. */
export const invalidKubeconfigs: readonly HostileKubeconfig[] = [
  ['nothing', () => ' ', [''], 'Invalid input: expected object, received null'],
  ['a scalar', () => 'hello', [''], 'Invalid input: expected object, received string'],
  ['a list', () => '- a', [''], 'Invalid input: expected object, received array'],
  ['broken YAML', () => 'clusters: [', [''], 'must be sufficiently indented and end with a ]'],
  ['two documents', () => `${kubeconfig()}---\n${kubeconfig()}`, [''], 'it holds more than one document'],
  ['a key that stands twice', () => `${kubeconfig()}users: []\n`, [''], 'Map keys must be unique'],
  ['an alias', () => 'a: &x {server: s}\nclusters: [*x]\nusers: []\ncontexts: []', [''], 'aliases are not used here'],
  [
    'a billion laughs',
    () =>
      `a: &a [x,x]\n${'bcdefghij'.replace(/./g, (c, i: number) => `${c}: &${c} [*${'abcdefghi'[i]},*${'abcdefghi'[i]}]\n`)}`,
    [''],
    'aliases are not used here',
  ],
  [
    'a merge key',
    () => 'x: &x {token: t}\nusers: [{name: u, user: {<<: *x}}]\nclusters: []\ncontexts: []',
    [''],
    'aliases are not used here',
  ],
  [
    'a JavaScript tag',
    () => 'clusters: !!js/function "function(){}"\nusers: []\ncontexts: []',
    [''],
    'the tag tag:yaml.org,2002:js/function is not allowed',
  ],
  [
    'a Python tag',
    () => 'users: !!python/object/apply:os.system ["id"]\nclusters: []\ncontexts: []',
    [''],
    'the tag tag:yaml.org,2002:python/object/apply:os.system is not allowed',
  ],
  [
    'a binary tag',
    () => 'users: [{name: u, user: {token: !!binary aGk=}}]\nclusters: []\ncontexts: []',
    [''],
    'the tag tag:yaml.org,2002:binary is not allowed',
  ],
  [
    'a local tag',
    () => 'users: !include /etc/passwd\nclusters: []\ncontexts: []',
    [''],
    'the tag !include is not allowed',
  ],
  ['deep flow nesting', () => '['.repeat(20_000), [''], 'it is nested too deeply'],
  ['deep sequence nesting', () => `${'- '.repeat(20_000)}x`, [''], 'it is nested too deeply'],
  ['deep key nesting', () => `${'? '.repeat(20_000)}x`, [''], 'it is nested too deeply'],
  [
    'deep block nesting',
    () => Array.from({ length: 40 }, (_, i) => `${' '.repeat(i)}a:`).join('\n'),
    [''],
    'it is nested too deeply',
  ],
  ['too many values', () => `clusters: [${'1,'.repeat(10_000)}1]`, [''], 'it holds more than 5000 values'],
  ['too long a text', () => `# ${'x'.repeat(70_000)}`, [''], 'it is longer than 65536 characters'],
  ['another kind', () => kubeconfig({}, {}, { kind: 'Secret' }), ['kind'], 'must be "Config"'],
  [
    'no users',
    () => kubeconfig({}, {}, { users: undefined }),
    ['users'],
    'Invalid input: expected array, received undefined',
  ],
  [
    'users as a map',
    () => kubeconfig({}, {}, { users: { u: {} } }),
    ['users'],
    'Invalid input: expected array, received object',
  ],
  [
    'an unknown context',
    () => kubeconfig({}, {}, { 'current-context': 'nope' }),
    ['contexts'],
    'there is no single context of that name: c',
  ],
  [
    'a context named __proto__',
    () => kubeconfig({}, {}, { 'current-context': '__proto__' }),
    ['contexts'],
    'there is no single context of that name: c',
  ],
  [
    'an unknown user',
    () => kubeconfig({}, {}, { contexts: [{ name: 'c', context: { cluster: 'k', user: 'x' } }] }),
    ['contexts.0.context.user'],
    'there is no single user of that name',
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
    'there is no single user of that name',
  ],
  ['no server', () => kubeconfig({ server: undefined }), [`${k}.server`], 'not a URL'],
  [
    'a file as server',
    () => kubeconfig({ server: 'file:///etc/passwd' }),
    [`${k}.server`],
    'only https is used, because the credential travels on it',
  ],
  [
    'plain http',
    () => kubeconfig({ server: 'http://k8s.example.com' }),
    [`${k}.server`],
    'only https is used, because the credential travels on it',
  ],
  [
    'a UNIX socket as server',
    () => kubeconfig({ server: 'unix:///var/run/docker.sock' }),
    [`${k}.server`],
    'only https is used, because the credential travels on it',
  ],
  [
    'a password in the address',
    () => kubeconfig({ server: 'https://a:b@k8s.example.com' }),
    [`${k}.server`],
    'a URL holds no credential',
  ],
  [
    'a query in the address',
    () => kubeconfig({ server: 'https://k8s.example.com/?x=' }),
    [`${k}.server`],
    'an API server address has neither query nor fragment',
  ],
  ['a list as server', () => kubeconfig({ server: ['https://k'] }), [`${k}.server`], 'not a URL'],
  [
    'no credential',
    () => kubeconfig({}, noToken),
    [u],
    'there is no credential: neither token nor client-certificate-data with client-key-data',
  ],
  [
    'a token with a line break',
    () => kubeconfig({}, { token: 'a\r\nX-Evil: 1' }),
    [`${u}.token`],
    'not a bearer token',
  ],
  ['a token that is a map', () => kubeconfig({}, { token: { a: 1 } }), [`${u}.token`], 'not a bearer token'],
  [
    'an authority that is no certificate',
    () => kubeconfig({ 'certificate-authority-data': base64('hello') }),
    [`${k}.certificate-authority-data`],
    'not certificates (PEM) in base64',
  ],
  [
    'an authority that is no base64',
    () => kubeconfig({ 'certificate-authority-data': '%%%' }),
    [`${k}.certificate-authority-data`],
    'not certificates (PEM) in base64',
  ],
  [
    'a server name with a path',
    () => kubeconfig({ 'tls-server-name': 'a/../b' }),
    [`${k}.tls-server-name`],
    'not a host name',
  ],
  [
    'a certificate without key',
    ({ pair }) => kubeconfig({}, { ...noToken, 'client-certificate-data': base64(pair.certificate) }),
    [`${u}.client-key-data`],
    'missing beside client-certificate-data',
  ],
  [
    'a key of another certificate',
    ({ pair, otherPair }) =>
      kubeconfig(
        {},
        { ...noToken, 'client-certificate-data': base64(pair.certificate), 'client-key-data': base64(otherPair.key) },
      ),
    [`${u}.client-key-data`],
    'does not belong to client-certificate-data',
  ],
];
