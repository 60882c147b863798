export {
  Allow,
  type CredentialKind,
  CurrentOrg,
  CurrentPrincipal,
  LooksOnly,
  Needs,
  Public,
  ReadsOnly,
} from './access.decorators.js';
export { accessModule } from './access.module.js';
export { createApiToken, listApiTokens, revokeApiToken } from './api-tokens.js';
export type { AuthenticateDeps } from './authenticate.js';
export { bearerOf } from './bearer-of.js';
export type { AccessDeps, ContextVerifier } from './deps.js';
export { login } from './login.js';
export { addMember, changeMember, listMembers, removeMember } from './members.js';
export { type IssuerKeys, openIssuerKeys } from './oidc/issuer-keys.js';
export { changeIssuer, listIssuers, registerIssuer, removeIssuer } from './oidc/issuers.js';
export { licenceIdOfUser, loadIssuers } from './oidc/load-issuers.js';
export { type OidcUser, type TrustedIssuer, verifyOidcUserToken } from './oidc/verify-user-token.js';
export { changeOrg, createOrg, listOrgs, orgView, readMe } from './orgs.js';
export type { Action } from './permissions.js';
export type {
  ApiTokenPrincipal,
  InstallPrincipal,
  LicenseePrincipal,
  Principal,
  PrincipalKind,
  UserPrincipal,
} from './principal.js';
export { logout, refreshLogin } from './refresh-token.js';
export type { OrgAccess } from './require-org.js';
export {
  endLicenceSession,
  type OpenedSession,
  openLicenceSession,
  renewLicenceSession,
} from './sessions/licence-sessions.js';
export { claimUserSeat, liveSessions, type NamedUser } from './sessions/seats.js';
export {
  type CookieForm,
  cookieFormOf,
  type RequestOrigin,
  readSessionCookie,
  requireOwnPage,
  sessionCookie,
} from './sessions/session-cookie.js';
export {
  type LicenceSessionClaims,
  licenceSessionType,
  signLicenceSession,
  verifyLicenceSession,
} from './sessions/session-token.js';
export { signup } from './signup.js';
export { StreamRights } from './stream-rights.js';
