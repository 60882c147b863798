import { Fault } from '@nm/kernel/fault';
import { beforeAll, describe, expect, it } from 'vitest';
import { type CertifiedKey, selfSigned } from '../../../testing/certificates.js';
import { type ParseOptions, parseKubeconfig } from './parse-kubeconfig.js';
import { base64, invalidKubeconfigs, kubeconfig, refusedKubeconfigs } from './test/hostile-kubeconfigs.js';

interface Failure {
  readonly code: string;
  readonly paths: string[];
  readonly says: string[];
  readonly text: string;
}

function failureOf(text: string, options?: ParseOptions): Failure {
  try {
    parseKubeconfig(text, options);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    const issues = (error.extra['issues'] ?? []) as { path: string; message: string }[];
    const [paths, says] = [issues.map(({ path }) => path), issues.map(({ message }) => message)];
    return { code: error.code, paths, says, text: JSON.stringify(error.extra) };
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

/** A hostile text may make a parser slow, not only wrong. Far beyond what a busy machine needs. */
const msMax = 20_000;

describe.each([
  ['refuses', 'kubeconfig_refused', refusedKubeconfigs],
  ['finds unusable', 'kubeconfig_invalid', invalidKubeconfigs],
] as const)('parseKubeconfig %s, and says which field and why:', (_verb, code, corpus) => {
  it.each(corpus)('%s', (_name, text, paths, says) => {
    const startedMs = performance.now();
    const failure = failureOf(text({ pair, otherPair }));
    expect(performance.now() - startedMs).toBeLessThan(msMax);
    expect(failure).toMatchObject({ code, paths });
    for (const each of failure.says) expect(each).toContain(says);
    expect(failure.text).not.toMatch(/secret-token|PRIVATE/);
  });
});

it('is tested with a corpus of fifty hostile texts and more', () => {
  expect(refusedKubeconfigs.length + invalidKubeconfigs.length).toBeGreaterThan(50);
});
