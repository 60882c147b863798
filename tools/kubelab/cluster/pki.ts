import { generateKeyPairSync, randomBytes, webcrypto } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
// x509 registers its classes by reflection metadata.
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { NODE_IP } from './components.ts';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const YEARS_10 = 3650 * 86_400_000;
const { KeyUsageFlags, ExtendedKeyUsage } = x509;

/** Clients that get a certificate, with their organisation (= group) and name (= user) in Kubernetes. */
const CLIENTS = {
  admin: { O: 'system:masters', CN: 'kubelab-admin' },
  controllers: { CN: 'system:kube-controller-manager' },
  scheduler: { CN: 'system:kube-scheduler' },
  proxy: { CN: 'system:kube-proxy' },
  kwok: { O: 'system:masters', CN: 'kwok' },
  node: { O: 'system:nodes', CN: 'system:node:node1' },
  'apiserver-kubelet-client': { O: 'system:masters', CN: 'kube-apiserver-kubelet-client' },
} as const satisfies Record<string, Name>;

type Name = { readonly O?: string; readonly CN: string };
type Authority = { readonly certificate: x509.X509Certificate; readonly keys: webcrypto.CryptoKeyPair };
type San = { readonly type: 'dns' | 'ip'; readonly value: string };

/**
 * Makes the cluster's own certificate authorities, certificates and ServiceAccount key in `dir`, and last the file `done`. EC P-256; RSA 2048
 * for ServiceAccount tokens, which are RS256 by default.
 */
export async function makePki(dir: string): Promise<void> {
  await rm(dir, { recursive: true, force: true });
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const ca = await authority(dir, 'ca', 'kubelab-ca');
  const frontProxy = await authority(dir, 'front-proxy-ca', 'kubelab-front-proxy-ca');
  for (const [file, name] of Object.entries(CLIENTS)) await leaf(dir, file, ca, name);
  await leaf(dir, 'front-proxy-client', frontProxy, { CN: 'front-proxy-client' });
  await leaf(dir, 'apiserver', ca, { CN: 'kube-apiserver' }, [
    ...dns(
      'kubernetes',
      'kubernetes.default',
      'kubernetes.default.svc',
      'kubernetes.default.svc.cluster.local',
      'localhost',
    ),
    ...ip('127.0.0.1', '10.96.0.1', NODE_IP),
  ]);
  await leaf(dir, 'kubelet', ca, CLIENTS.node, [...dns('node1'), ...ip('127.0.0.1', NODE_IP)]);
  const sa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  await save(dir, 'sa.key', sa.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
  await save(dir, 'sa.pub', sa.publicKey.export({ type: 'spki', format: 'pem' }).toString());
  await writeFile(join(dir, 'done'), '');
}

const dns = (...values: string[]): San[] => values.map((value) => ({ type: 'dns', value }));
const ip = (...values: string[]): San[] => values.map((value) => ({ type: 'ip', value }));

async function authority(dir: string, file: string, cn: string): Promise<Authority> {
  const keys = await newKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned(
    {
      ...validity(),
      name: distinguishedName({ CN: cn }),
      keys,
      extensions: [
        new x509.BasicConstraintsExtension(true, undefined, true),
        new x509.KeyUsagesExtension(
          KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign | KeyUsageFlags.digitalSignature,
          true,
        ),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
      ],
    },
    webcrypto,
  );
  await savePair(dir, file, certificate, keys);
  return { certificate, keys };
}

/** A server certificate when it has names, else a client certificate. */
async function leaf(dir: string, file: string, issuer: Authority, name: Name, san: San[] = []): Promise<void> {
  const keys = await newKeys();
  const extensions: x509.Extension[] = [
    new x509.BasicConstraintsExtension(false, undefined, true),
    new x509.KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
    new x509.ExtendedKeyUsageExtension([san.length > 0 ? ExtendedKeyUsage.serverAuth : ExtendedKeyUsage.clientAuth]),
    await x509.AuthorityKeyIdentifierExtension.create(issuer.certificate, false, webcrypto),
  ];
  if (san.length > 0) extensions.push(new x509.SubjectAlternativeNameExtension(san));
  const certificate = await x509.X509CertificateGenerator.create(
    {
      ...validity(),
      subject: distinguishedName(name),
      issuer: issuer.certificate.subject,
      publicKey: keys.publicKey,
      signingKey: issuer.keys.privateKey,
      extensions,
    },
    webcrypto,
  );
  await savePair(dir, file, certificate, keys);
}

const newKeys = (): Promise<webcrypto.CryptoKeyPair> =>
  webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);

function validity() {
  const now = Date.now();
  return {
    // A positive serial number (RFC 5280 4.1.2.2): the first bit stays 0.
    serialNumber: `01${randomBytes(15).toString('hex')}`,
    notBefore: new Date(now - 3_600_000),
    notAfter: new Date(now + YEARS_10),
    signingAlgorithm: ALGORITHM,
  };
}

function distinguishedName({ O, CN }: Name): x509.JsonName {
  return [...(O ? [{ O: [O] }] : []), { CN: [CN] }];
}

async function savePair(
  dir: string,
  file: string,
  certificate: x509.X509Certificate,
  keys: webcrypto.CryptoKeyPair,
): Promise<void> {
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey));
  await save(dir, `${file}.key`, x509.PemConverter.encode(pkcs8, 'PRIVATE KEY'));
  await save(dir, `${file}.crt`, certificate.toString('pem'));
}

const save = (dir: string, file: string, text: string) =>
  writeFile(join(dir, file), text.endsWith('\n') ? text : `${text}\n`, { mode: 0o600 });
