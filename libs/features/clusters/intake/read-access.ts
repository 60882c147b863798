import type { IntakeField, IntakeReport, ReplaceCredential } from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import { type ParsedKubeconfig, parseKubeconfig } from '../kubeconfig/parse-kubeconfig.js';
import { readCluster, readCredential } from '../kubeconfig/read-values.js';

/** What is known of a cluster that a token alone is given for. */
export type KnownPlace = Pick<ParsedKubeconfig, 'server' | 'ca' | 'tlsServerName' | 'insecure'>;

/**
 * readAccess takes a kubeconfig, or server, authority and token, and says field by field what became of each. The second form goes through the same checks
 * as the fields of a kubeconfig.
 * @throws Fault kubeconfig_invalid, kubeconfig_refused
 */
export function readAccess(body: ReplaceCredential, known?: KnownPlace): ParsedKubeconfig {
  if (body.kubeconfig !== undefined) return parseKubeconfig(body.kubeconfig, body);
  const { server = known?.server, token, ca, tlsServerName } = body;
  const cluster = readCluster({
    path: '',
    fields: {
      server,
      ...(ca === undefined ? {} : { 'certificate-authority-data': inBase64(ca) }),
      ...(tlsServerName === undefined ? {} : { 'tls-server-name': tlsServerName }),
    },
  });
  const credential = readCredential({ path: '', fields: { token } });
  const issues = [...cluster.issues, ...credential.issues].map(({ path, message }) => ({
    path: ownName(path),
    message,
  }));
  if (issues.length > 0) throw new Fault('kubeconfig_invalid', { extra: { issues } });
  const isSamePlace = known !== undefined && cluster.value.server === known.server;
  return {
    server: cluster.value.server,
    ca: cluster.value.ca ?? (isSamePlace ? known.ca : undefined),
    tlsServerName: cluster.value.tlsServerName ?? (isSamePlace ? known.tlsServerName : undefined),
    insecure: isSamePlace && known.insecure && ca === undefined,
    credential: credential.value,
    intake: reportOf(body),
  };
}

/** People have the certificates as a file, or as the base64 that a kubeconfig holds. */
const inBase64 = (ca: string): string => (ca.includes('-----BEGIN') ? Buffer.from(ca).toString('base64') : ca);

const names: Readonly<Record<string, string>> = {
  '.server': 'server',
  '.certificate-authority-data': 'ca',
  '.tls-server-name': 'tlsServerName',
  '.token': 'token',
  '': 'token',
};
const ownName = (path: string): string => names[path] ?? path;

const reasons = {
  server: 'address of the API server',
  ca: 'proves the API server to us',
  tlsServerName: 'name that the certificate is checked against',
  token: 'credential, sealed',
} as const;

function reportOf(body: ReplaceCredential): IntakeReport {
  const kept: IntakeField[] = Object.entries(reasons)
    .filter(([name]) => body[name as keyof typeof reasons] !== undefined)
    .map(([path, reason]) => ({ path, reason }));
  const ignored = body.context === undefined ? [] : [{ path: 'context', reason: 'there is no kubeconfig' }];
  return { kept, refused: [], ignored };
}
