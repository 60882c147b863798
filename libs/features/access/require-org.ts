import type { Db } from '@nm/adapters/db';
import { Role } from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import { type Action, may } from './permissions.js';
import type { ApiTokenPrincipal, UserPrincipal } from './principal.js';

/** An organisation as one of its members sees it. */
export interface OrgAccess {
  readonly id: string;
  readonly slug: string;
  readonly name: string;
  readonly createdAt: Date;
  readonly limits: unknown;
  readonly renewalUrl: string | null;
  readonly runRetentionDays: number;
  /** The principal's own role in it. */
  readonly role: Role;
  /** Id of the user or API token that acts. */
  readonly actorId: string;
}

/**
 * requireOrg resolves an organisation for somebody who wants to do something in it.
 * @throws Fault not_found for a stranger (the same as for a missing organisation); forbidden for a member whose role does not allow it
 */
export async function requireOrg(
  db: Db,
  principal: UserPrincipal | ApiTokenPrincipal,
  slug: string,
  action: Action,
): Promise<OrgAccess> {
  const access = principal.kind === 'user' ? await ofMember(db, principal, slug) : await ofToken(db, principal, slug);
  if (!access) throw new Fault('not_found');
  if (!may(access.role, action)) throw new Fault('forbidden', { internal: `${access.role} may not ${action}` });
  return access;
}

async function ofMember(db: Db, { userId }: UserPrincipal, slug: string): Promise<OrgAccess | undefined> {
  const row = await db.asSystem((tx) =>
    tx.membership.findFirst({ where: { userId, org: { slug } }, include: { org: true } }),
  );
  return row ? { ...row.org, role: Role.parse(row.role), actorId: userId } : undefined;
}

async function ofToken(db: Db, token: ApiTokenPrincipal, slug: string): Promise<OrgAccess | undefined> {
  const org = await db.withOrg(token.orgId, (tx) => tx.org.findFirst({ where: { id: token.orgId, slug } }));
  return org ? { ...org, role: token.role, actorId: token.tokenId } : undefined;
}
