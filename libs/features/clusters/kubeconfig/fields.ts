/** What is done with a field of a kubeconfig. */
export interface FieldRule {
  readonly fate: 'kept' | 'refused' | 'ignored';
  readonly reason: string;
}

const kept = (reason: string): FieldRule => ({ fate: 'kept', reason });
const refused = (reason: string): FieldRule => ({ fate: 'refused', reason });
const ignored = (reason: string): FieldRule => ({ fate: 'ignored', reason });

/** The allow-list. Whatever is in neither table is ignored. */
export const clusterFields: Readonly<Record<string, FieldRule>> = {
  server: kept('address of the API server'),
  'certificate-authority-data': kept('proves the API server to us'),
  'tls-server-name': kept('name that the certificate is checked against'),
  'insecure-skip-tls-verify': refused('the API server could be anybody; send "allowInsecureTls": true to accept that'),
  'certificate-authority': refused('names a file; put its content into certificate-authority-data'),
  'proxy-url': refused('connections go to the API server directly'),
  'disable-compression': ignored('has no effect here'),
};

const impersonation = refused('impersonation is not used; give the credential of the identity itself');

export const userFields: Readonly<Record<string, FieldRule>> = {
  token: kept('credential, sealed'),
  'client-certificate-data': kept('credential, sealed'),
  'client-key-data': kept('credential, sealed'),
  exec: refused('runs a command'),
  'auth-provider': refused('runs a command or refreshes tokens elsewhere'),
  tokenFile: refused('names a file; put its content into token'),
  'client-certificate': refused('names a file; put its content into client-certificate-data'),
  'client-key': refused('names a file; put its content into client-key-data'),
  username: refused('basic authentication left Kubernetes with 1.19'),
  password: refused('basic authentication left Kubernetes with 1.19'),
  as: impersonation,
  'as-uid': impersonation,
  'as-groups': impersonation,
  'as-user-extra': impersonation,
};

export const unknownField: FieldRule = ignored('not used here');
