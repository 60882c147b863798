import { type Db, recordChange, type Tx } from '@nm/adapters/db';
import {
  afterCursor,
  type ChangeOrg,
  type CreateOrg,
  keyset,
  type Me,
  type Org,
  type Page,
  type PageQuery,
  Role,
  toPage,
  UsageLimits,
} from '@nm/kernel/contracts';
import { Fault, hasCode } from '@nm/kernel/fault';
import { newId } from '@nm/kernel/ids';
import type { ApiTokenPrincipal, UserPrincipal } from './principal.js';
import type { OrgAccess } from './require-org.js';

/** newOrg writes an organisation and its first owner. */
export async function newOrg(tx: Tx, body: CreateOrg, ownerId: string) {
  const org = await tx.org.create({ data: { id: newId('org'), slug: body.slug, name: body.name } });
  await tx.membership.create({ data: { id: newId('membership'), orgId: org.id, userId: ownerId, role: 'owner' } });
  return org;
}

/** createOrg makes a further organisation, owned by its maker. @throws Fault already_exists */
export async function createOrg(db: Db, principal: UserPrincipal, body: CreateOrg): Promise<Org> {
  try {
    const org = await db.asSystem((tx) => newOrg(tx, body, principal.userId));
    return orgView({ ...org, role: 'owner', actorId: principal.userId });
  } catch (error) {
    if (hasCode(error, 'already_exists'))
      throw new Fault('already_exists', { public: `The name "${body.slug}" is taken.`, cause: error });
    throw error;
  }
}

/** orgView is an organisation as its member sees it. */
export const orgView = (org: OrgAccess): Org => ({
  id: org.id,
  slug: org.slug,
  name: org.name,
  role: org.role,
  limits: UsageLimits.parse(org.limits),
  ...(org.renewalUrl === null ? {} : { renewalUrl: org.renewalUrl }),
  runRetentionDays: org.runRetentionDays,
  createdAt: org.createdAt.toISOString(),
});

/** changeOrg changes what is given of an organisation's settings; gateways follow at once. */
export async function changeOrg(db: Db, org: OrgAccess, change: ChangeOrg): Promise<Org> {
  const { name, limits, renewalUrl, runRetentionDays } = change;
  const data = {
    ...(name === undefined ? {} : { name }),
    ...(limits === undefined ? {} : { limits }),
    ...(renewalUrl === undefined ? {} : { renewalUrl }),
    ...(runRetentionDays === undefined ? {} : { runRetentionDays }),
  };
  return db.withOrg(org.id, async (tx) => {
    const row = await tx.org.update({ where: { id: org.id }, data });
    await recordChange(tx, { kind: 'org', id: org.id, orgId: org.id });
    return orgView({ ...org, ...row });
  });
}

/** listOrgs gives the organisations of a person, or the one of an API token. */
export async function listOrgs(
  db: Db,
  principal: UserPrincipal | ApiTokenPrincipal,
  query: PageQuery,
): Promise<Page<Org>> {
  if (principal.kind === 'api-token') {
    const rows = await db.withOrg(principal.orgId, (tx) =>
      tx.org.findMany({ where: { AND: [{ id: principal.orgId }, afterCursor(query)] }, ...keyset(query) }),
    );
    return toPage(rows, query, (org) => orgView({ ...org, role: principal.role, actorId: principal.tokenId }));
  }
  const { userId } = principal;
  const rows = await db.asSystem((tx) =>
    tx.org.findMany({
      where: { memberships: { some: { userId } }, ...afterCursor(query) },
      include: { memberships: { where: { userId } } },
      ...keyset(query),
    }),
  );
  return toPage(rows, query, (org) => orgView({ ...org, role: Role.parse(org.memberships[0]?.role), actorId: userId }));
}

/** readMe tells a person who they are and where they belong. */
export async function readMe(db: Db, { userId }: UserPrincipal): Promise<Me> {
  const user = await db.asSystem((tx) =>
    tx.user.findUnique({
      where: { id: userId },
      include: { memberships: { include: { org: true }, orderBy: { id: 'asc' } } },
    }),
  );
  if (!user) throw new Fault('unauthenticated', { internal: 'token of a deleted user' });
  return {
    id: user.id,
    email: user.email,
    name: user.name,
    orgs: user.memberships.map(({ org, role }) => ({
      id: org.id,
      slug: org.slug,
      name: org.name,
      role: Role.parse(role),
    })),
  };
}
