import type { Role } from '@nm/kernel/contracts';

/** A person with an access token; what they may do is asked per organisation. */
export interface UserPrincipal {
  readonly kind: 'user';
  readonly userId: string;
}

/** A program of a publisher with an API token of one organisation. */
export interface ApiTokenPrincipal {
  readonly kind: 'api-token';
  readonly tokenId: string;
  readonly orgId: string;
  readonly role: Role;
}

/** A licensee: the holder of a licence key, or of a session made from one. Sees its own customer's clusters, installs and runs. */
export interface LicenseePrincipal {
  readonly kind: 'licensee';
  readonly orgId: string;
  readonly appId: string;
  readonly licenceId: string;
  readonly customerId: string;
  /** Present when the credential is a session. */
  readonly session?: { readonly id: string; readonly keyLookup: string; readonly installId?: string | undefined };
}

/** A hosted KAMA that acts for one install, with the context token of a request. */
export interface InstallPrincipal {
  readonly kind: 'install';
  readonly orgId: string;
  readonly appId: string;
  readonly versionId: string;
  readonly licenceId: string;
  readonly installId: string;
  readonly clusterId: string;
  readonly namespace: string;
  readonly mode: 'full' | 'read-only';
}

/** Principal is who a request comes from; it is passed as an argument and never kept in request scope. */
export type Principal = UserPrincipal | ApiTokenPrincipal | LicenseePrincipal | InstallPrincipal;
export type PrincipalKind = Principal['kind'];
