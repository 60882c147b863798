import { hash } from 'node:crypto';
import { type ContextClaims, installAudience, Role } from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import { parseBearerKey } from '@nm/kernel/ids';
import { type LicenceColumns, type LicenceFacts, licenceFactsOf } from '@nm/kernel/licensing';
import { decodeProtectedHeader } from 'jose';
import { accessTokenType } from './access-token.js';
import type { AccessDeps, ContextVerifier } from './deps.js';
import type { ApiTokenPrincipal, InstallPrincipal, LicenseePrincipal } from './principal.js';
import { licenceSessionType, verifyLicenceSession } from './sessions/session-token.js';

/** The forms in which a bearer credential comes. */
export type CredentialForm =
  | 'access-token'
  | 'api-token'
  | 'licence-key'
  | 'licence-session'
  | 'install-token'
  | 'instance-ticket';

/** Whoever a credential stands for, and the licence by which they are let in, if any. */
export interface Authenticated {
  readonly principal: ApiTokenPrincipal | LicenseePrincipal | InstallPrincipal;
  readonly licence?: LicenceFacts;
}

export type AuthenticateDeps = AccessDeps & { readonly contexts: ContextVerifier };

/**
 * formOf tells by its look what kind of credential a text claims to be; nothing is verified yet.
 * @throws Fault unauthenticated when it is none of ours
 */
export function formOf(text: string): CredentialForm {
  const key = parseBearerKey(text);
  if (key?.kind === 'apiToken') return 'api-token';
  if (key?.kind === 'licence') return 'licence-key';
  if (key?.kind === 'instance') return 'instance-ticket';
  const type = typeOfJwt(text);
  if (type === accessTokenType) return 'access-token';
  if (type === licenceSessionType) return 'licence-session';
  if (type === 'nm-context+jwt') return 'install-token';
  throw new Fault('unauthenticated', { internal: 'credential of no known form' });
}

function typeOfJwt(text: string): string | undefined {
  try {
    return decodeProtectedHeader(text).typ;
  } catch {
    return undefined;
  }
}

/**
 * authenticate verifies a credential of a program: API token, licence key, licence session, install token or the ticket of an instance.
 * Rows are read on every use, so a revocation holds from the next request on.
 * @throws Fault unauthenticated, token_expired
 */
export function authenticate(
  form: Exclude<CredentialForm, 'access-token'>,
  text: string,
  deps: AuthenticateDeps,
): Promise<Authenticated> {
  switch (form) {
    case 'api-token':
      return byApiToken(text, deps);
    case 'licence-key':
      return byLicenceKey(text, deps);
    case 'licence-session':
      return byLicenceSession(text, deps);
    case 'install-token':
      return byInstallToken(text, deps);
    case 'instance-ticket':
      return byInstanceTicket(text, deps);
  }
}

const refuse = (internal: string): never => {
  throw new Fault('unauthenticated', { internal });
};

async function byApiToken(text: string, { db, vault, clock }: AuthenticateDeps): Promise<Authenticated> {
  const key = parseBearerKey(text) ?? refuse('mistyped API token');
  const row = await db.asSystem((tx) => tx.apiToken.findUnique({ where: { lookup: key.lookup } }));
  if (!row || !vault.matchesBearerKey(text, row.hash) || row.revokedAt) return refuse('unknown or revoked API token');
  if (row.expiresAt && row.expiresAt.getTime() <= clock.nowMs()) throw new Fault('token_expired');
  return { principal: { kind: 'api-token', tokenId: row.id, orgId: row.orgId, role: Role.parse(row.role) } };
}

async function byLicenceKey(text: string, { db, vault }: AuthenticateDeps): Promise<Authenticated> {
  const key = parseBearerKey(text) ?? refuse('mistyped licence key');
  const row = await db.asSystem((tx) => tx.licence.findUnique({ where: { keyLookup: key.lookup } }));
  if (!row || !vault.matchesBearerKey(text, row.keyHash)) return refuse('unknown licence key');
  return ofLicence(row);
}

async function byLicenceSession(text: string, deps: AuthenticateDeps): Promise<Authenticated> {
  const claims = await verifyLicenceSession(text, deps);
  const session = await deps.db.asSystem((tx) =>
    tx.licenceSession.findUnique({ where: { id: claims.sessionId }, include: { licence: true } }),
  );
  if (!session || session.endedAt || session.licenceId !== claims.licenceId) return refuse('session that was ended');
  if (session.licence.keyLookup !== claims.keyLookup) return refuse('session of a rotated key');
  const { principal, licence } = ofLicence(session.licence);
  const { keyLookup, installId } = claims;
  return { principal: { ...principal, session: { id: session.id, keyLookup, installId } }, licence };
}

async function byInstallToken(text: string, { db, contexts }: AuthenticateDeps): Promise<Authenticated> {
  const claims = await contexts.verify(text, { audience: installAudience });
  const install = claims.install ?? refuse('context token without an install');
  const row = await db.asSystem((tx) => tx.licence.findUnique({ where: { id: claims.sub } }));
  if (!row || row.orgId !== claims.orgId) return refuse('install token of a gone licence');
  return { principal: installPrincipal(claims, install), licence: ofLicence(row).licence };
}

/** The ticket of a hosted instance stands for its install while it is to run; its operator has it, the KAMA does not. */
async function byInstanceTicket(text: string, { db }: AuthenticateDeps): Promise<Authenticated> {
  const ticketHash = hash('sha256', text, 'buffer');
  const row = await db.asSystem((tx) =>
    tx.instance.findUnique({ where: { ticketHash }, include: { install: { include: { licence: true } } } }),
  );
  if (!row?.install || row.desired !== 'running') return refuse('ticket of no instance that is to run');
  const { licence, clusterId, namespace } = row.install;
  const { orgId, appId, versionId } = row;
  const place = { licenceId: licence.id, installId: row.install.id, clusterId, namespace };
  const principal: InstallPrincipal = { kind: 'install', orgId, appId, versionId, ...place, mode: 'full' };
  return { principal, licence: ofLicence(licence).licence };
}

function installPrincipal(claims: ContextClaims, install: NonNullable<ContextClaims['install']>): InstallPrincipal {
  return {
    kind: 'install',
    orgId: claims.orgId,
    appId: claims.appId,
    versionId: claims.versionId,
    licenceId: claims.sub,
    installId: install.id,
    clusterId: install.cluster,
    namespace: install.namespace,
    mode: claims.mode,
  };
}

interface LicenceRow extends LicenceColumns {
  readonly id: string;
  readonly orgId: string;
  readonly appId: string;
  readonly customerId: string;
}

function ofLicence(row: LicenceRow): { principal: LicenseePrincipal; licence: LicenceFacts } {
  const { id: licenceId, orgId, appId, customerId } = row;
  return { principal: { kind: 'licensee', orgId, appId, licenceId, customerId }, licence: licenceFactsOf(row) };
}
