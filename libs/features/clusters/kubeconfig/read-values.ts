import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import type { Entry } from './select-context.js';

/** Credential is what is sealed: a bearer token, or a client certificate (PEM) with its key, or both. */
export interface Credential {
  readonly token?: string;
  readonly clientCertificate?: string;
  readonly clientKey?: string;
}

export interface ClusterValues {
  readonly server: string;
  readonly ca: string | undefined;
  readonly tlsServerName: string | undefined;
}

interface Issue {
  readonly path: string;
  readonly message: string;
}

interface Read<T> {
  readonly value: T;
  readonly issues: readonly Issue[];
}

const tokenCharsMax = 16 * 1024;
const tokenForm = /^[\x21-\x7e]+$/;
const hostForm = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/i;

/** readCluster takes the address, the authority and the name of the API server, and checks their form. */
export function readCluster({ path, fields }: Entry): Read<ClusterValues> {
  const issues: Issue[] = [];
  const server = readServer(fields['server']);
  if ('message' in server) issues.push({ path: `${path}.server`, message: server.message });
  const ca = fields['certificate-authority-data'];
  const authority = ca === undefined || ca === null || ca === '' ? undefined : decodePem(ca, isCertificateBundle);
  if (authority === null)
    issues.push({ path: `${path}.certificate-authority-data`, message: 'not certificates (PEM) in base64' });
  const name = fields['tls-server-name'] || undefined;
  if (name !== undefined && !(typeof name === 'string' && hostForm.test(name)))
    issues.push({ path: `${path}.tls-server-name`, message: 'not a host name' });
  return {
    value: {
      server: 'url' in server ? server.url : '',
      ca: authority ?? undefined,
      tlsServerName: typeof name === 'string' ? name : undefined,
    },
    issues,
  };
}

/** readCredential takes the token or the client certificate with its key, and checks that the two belong together. */
export function readCredential({ path, fields }: Entry): Read<Credential> {
  const issues: Issue[] = [];
  const token = fields['token'] || undefined;
  const isToken = typeof token === 'string' && token.length <= tokenCharsMax && tokenForm.test(token);
  if (token !== undefined && !isToken) issues.push({ path: `${path}.token`, message: 'not a bearer token' });
  const pair = readPair(fields['client-certificate-data'] || undefined, fields['client-key-data'] || undefined);
  if (pair && 'message' in pair) issues.push({ path: `${path}.${pair.field}`, message: pair.message });
  const credential = { ...(isToken ? { token } : {}), ...(pair && 'clientKey' in pair ? pair : {}) };
  if (issues.length === 0 && Object.keys(credential).length === 0)
    issues.push({
      path,
      message: 'there is no credential: neither token nor client-certificate-data with client-key-data',
    });
  return { value: credential, issues };
}

function readServer(value: unknown): { readonly url: string } | { readonly message: string } {
  if (typeof value !== 'string' || value.length > 2_000 || !URL.canParse(value)) return { message: 'not a URL' };
  const url = new URL(value);
  if (url.protocol !== 'https:') return { message: 'only https is used, because the credential travels on it' };
  if (url.username || url.password) return { message: 'a URL holds no credential' };
  if (url.search || url.hash) return { message: 'an API server address has neither query nor fragment' };
  return { url: `${url.origin}${url.pathname.replace(/\/+$/, '')}` };
}

type Pair =
  | { readonly clientCertificate: string; readonly clientKey: string }
  | { readonly field: string; readonly message: string };

function readPair(certificate: unknown, key: unknown): Pair | undefined {
  if (certificate === undefined && key === undefined) return undefined;
  if (certificate === undefined) return { field: 'client-certificate-data', message: 'missing beside client-key-data' };
  if (key === undefined) return { field: 'client-key-data', message: 'missing beside client-certificate-data' };
  const clientCertificate = decodePem(certificate, isCertificateBundle);
  if (!clientCertificate) return { field: 'client-certificate-data', message: 'not a certificate (PEM) in base64' };
  const clientKey = decodePem(key, (pem) => privateKeyOf(pem) !== undefined);
  const privateKey = clientKey && privateKeyOf(clientKey);
  if (!clientKey || !privateKey)
    return { field: 'client-key-data', message: 'not an unencrypted private key (PEM) in base64' };
  if (!new X509Certificate(clientCertificate).checkPrivateKey(privateKey))
    return { field: 'client-key-data', message: 'does not belong to client-certificate-data' };
  return { clientCertificate, clientKey };
}

/** Null when the value is not what `isGood` wants. */
function decodePem(value: unknown, isGood: (pem: string) => boolean): string | null {
  if (typeof value !== 'string') return null;
  const base64 = value.replace(/\s/g, '');
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) return null;
  const pem = Buffer.from(base64, 'base64').toString('utf8');
  return isGood(pem) ? pem : null;
}

function isCertificateBundle(pem: string): boolean {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? [];
  try {
    return blocks.map((block) => new X509Certificate(block)).length > 0;
  } catch {
    return false;
  }
}

function privateKeyOf(pem: string): KeyObject | undefined {
  try {
    return createPrivateKey({ key: pem, format: 'pem' });
  } catch {
    return undefined;
  }
}
