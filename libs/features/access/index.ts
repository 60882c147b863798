export type { ApiTokenPrincipal, InstallPrincipal, LicenseePrincipal, Principal, PrincipalKind, UserPrincipal } from './principal.js';
