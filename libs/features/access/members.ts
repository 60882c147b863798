import type { Db, Tx } from '@nm/adapters/db';
import {
  type AddMember,
  afterCursor,
  keyset,
  type Member,
  type Page,
  type PageQuery,
  Role,
  toPage,
} from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import { newId } from '@nm/kernel/ids';
import { mayGrant } from './permissions.js';
import type { OrgAccess } from './require-org.js';

const withUser = { user: { select: { email: true, name: true } } } as const;

interface MemberRow {
  readonly id: string;
  readonly userId: string;
  readonly role: string;
  readonly createdAt: Date;
  readonly user: { readonly email: string; readonly name: string };
}

const view = (row: MemberRow): Member => ({
  id: row.id,
  userId: row.userId,
  email: row.user.email,
  name: row.user.name,
  role: Role.parse(row.role),
  createdAt: row.createdAt.toISOString(),
});

export async function listMembers(db: Db, org: OrgAccess, query: PageQuery): Promise<Page<Member>> {
  const rows = await db.withOrg(org.id, (tx) =>
    tx.membership.findMany({ where: { orgId: org.id, ...afterCursor(query) }, include: withUser, ...keyset(query) }),
  );
  return toPage(rows, query, view);
}

/**
 * addMember takes an existing person into the organisation.
 * @throws Fault not_found when nobody has that address, already_exists, forbidden for a role above one's own
 */
export async function addMember(db: Db, org: OrgAccess, body: AddMember): Promise<Member> {
  requireGrant(org, body.role);
  const user = await db.asSystem((tx) => tx.user.findUnique({ where: { email: body.email }, select: { id: true } }));
  if (!user) throw new Fault('not_found');
  const data = { id: newId('membership'), orgId: org.id, userId: user.id, role: body.role };
  return view(await db.withOrg(org.id, (tx) => tx.membership.create({ data, include: withUser })));
}

/** changeMember gives another role. @throws Fault not_found, forbidden, last_owner */
export async function changeMember(db: Db, org: OrgAccess, id: string, role: Role): Promise<Member> {
  return db.withOrg(org.id, async (tx) => {
    await requireChangeable(tx, org, id, role);
    return view(await tx.membership.update({ where: { id }, data: { role }, include: withUser }));
  });
}

/** removeMember ends a membership. @throws Fault not_found, forbidden, last_owner */
export async function removeMember(db: Db, org: OrgAccess, id: string): Promise<void> {
  await db.withOrg(org.id, async (tx) => {
    await requireChangeable(tx, org, id, undefined);
    await tx.membership.delete({ where: { id } });
  });
}

/** requireChangeable locks the organisation's owners, so that two of them cannot leave at the same moment. */
async function requireChangeable(tx: Tx, org: OrgAccess, id: string, role: Role | undefined): Promise<void> {
  const owners = await tx.$queryRaw<{ id: string }[]>`
    SELECT id FROM membership WHERE org_id = ${org.id} AND role = 'owner' ORDER BY id FOR UPDATE`;
  const member = await tx.membership.findFirst({ where: { id, orgId: org.id } });
  if (!member) throw new Fault('not_found');
  requireGrant(org, Role.parse(member.role));
  if (role) requireGrant(org, role);
  if (member.role === 'owner' && role !== 'owner' && owners.length === 1) throw new Fault('last_owner');
}

function requireGrant(org: OrgAccess, role: Role): void {
  if (!mayGrant(org.role, role))
    throw new Fault('forbidden', { public: `Your role (${org.role}) may not give or take the role ${role}.` });
}
