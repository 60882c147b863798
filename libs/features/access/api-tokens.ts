import type { Db } from '@nm/adapters/db';
import type { Vault } from '@nm/adapters/vault';
import {
  type ApiToken,
  afterCursor,
  type CreateApiToken,
  type IssuedApiToken,
  keyset,
  type Page,
  type PageQuery,
  Role,
  toPage,
} from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import { mintBearerKey, newId } from '@nm/kernel/ids';
import type { Clock } from '@nm/kernel/time';
import { mayGrant } from './permissions.js';
import type { OrgAccess } from './require-org.js';

interface TokenRow {
  readonly id: string;
  readonly name: string;
  readonly role: string;
  readonly lookup: string;
  readonly createdAt: Date;
  readonly expiresAt: Date | null;
  readonly revokedAt: Date | null;
}

const view = (row: TokenRow): ApiToken => ({
  id: row.id,
  name: row.name,
  role: Role.parse(row.role),
  lookup: row.lookup,
  createdAt: row.createdAt.toISOString(),
  ...(row.expiresAt ? { expiresAt: row.expiresAt.toISOString() } : {}),
  ...(row.revokedAt ? { revokedAt: row.revokedAt.toISOString() } : {}),
});

export async function listApiTokens(db: Db, org: OrgAccess, query: PageQuery): Promise<Page<ApiToken>> {
  const rows = await db.withOrg(org.id, (tx) =>
    tx.apiToken.findMany({ where: { orgId: org.id, ...afterCursor(query) }, ...keyset(query) }),
  );
  return toPage(rows, query, view);
}

/** createApiToken makes a credential for a program; its text is returned once and kept as a keyed hash. @throws Fault forbidden for a role above one's own */
export async function createApiToken(
  deps: { readonly db: Db; readonly vault: Vault },
  org: OrgAccess,
  body: CreateApiToken,
): Promise<IssuedApiToken> {
  if (!mayGrant(org.role, body.role))
    throw new Fault('forbidden', {
      public: `Your role (${org.role}) may not make a token with the role ${body.role}.`,
    });
  const key = mintBearerKey('apiToken');
  const row = await deps.db.withOrg(org.id, (tx) =>
    tx.apiToken.create({
      data: {
        id: newId('apiToken'),
        orgId: org.id,
        name: body.name,
        role: body.role,
        lookup: key.lookup,
        hash: deps.vault.hashBearerKey(key.text),
        expiresAt: body.expiresAt === undefined ? null : new Date(body.expiresAt),
        createdBy: org.actorId,
      },
    }),
  );
  return { ...view(row), token: key.text };
}

/** revokeApiToken ends a token at once; a second time changes nothing. @throws Fault not_found */
export async function revokeApiToken(
  deps: { readonly db: Db; readonly clock: Clock },
  org: OrgAccess,
  id: string,
): Promise<void> {
  await deps.db.withOrg(org.id, async (tx) => {
    const row = await tx.apiToken.findFirst({ where: { id, orgId: org.id } });
    if (!row) throw new Fault('not_found');
    if (!row.revokedAt) await tx.apiToken.update({ where: { id }, data: { revokedAt: deps.clock.now() } });
  });
}
