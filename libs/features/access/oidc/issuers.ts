import { type Db, recordChange } from '@nm/adapters/db';
import { createEgressAgent, type EgressPolicy } from '@nm/adapters/egress';
import {
  afterCursor,
  type ChangeIssuer,
  IssuerMapping,
  keyset,
  OidcAlgorithm,
  type OidcIssuer,
  type Page,
  type PageQuery,
  type RegisterIssuer,
  toPage,
} from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import { newId } from '@nm/kernel/ids';
import { z } from 'zod';
import { fetchDocument } from './fetch-document.js';
import { verifyingKeys } from './issuer-keys.js';

const issuersMax = 20;

interface IssuerRow {
  readonly id: string;
  readonly name: string;
  readonly issuer: string;
  readonly audience: string;
  readonly algorithms: readonly string[];
  readonly mapping: unknown;
  readonly jwksUri: string;
  readonly enabled: boolean;
  readonly createdAt: Date;
}

const view = (row: IssuerRow): OidcIssuer => ({
  id: row.id,
  name: row.name,
  issuer: row.issuer,
  audience: row.audience,
  algorithms: z.array(OidcAlgorithm).parse(row.algorithms),
  mapping: IssuerMapping.parse(row.mapping),
  jwksUri: row.jwksUri,
  enabled: row.enabled,
  createdAt: row.createdAt.toISOString(),
});

const Discovery = z.object({ issuer: z.string(), jwks_uri: z.string().max(1_000) });

const unusable = (text: string): Fault => new Fault('issuer_unusable', { public: text });

/**
 * discover asks an issuer where its keys are (OpenID Connect Discovery 1.0 §4), and looks whether there is one that could sign.
 * @throws Fault issuer_unusable, egress_denied
 */
async function discover(policy: EgressPolicy, issuer: string): Promise<string> {
  const agent = createEgressAgent(policy);
  try {
    const at = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
    const found = Discovery.safeParse(await fetchDocument(agent, at));
    if (!found.success) throw unusable(`${at} names no issuer and jwks_uri.`);
    if (found.data.issuer !== issuer)
      throw unusable(`${at} calls its issuer "${found.data.issuer}", not "${issuer}". Register it by that name.`);
    const keys = verifyingKeys(await fetchDocument(agent, found.data.jwks_uri));
    if (!keys?.length) throw unusable(`${found.data.jwks_uri} holds no public key for signatures.`);
    return found.data.jwks_uri;
  } finally {
    await agent.close();
  }
}

/**
 * registerIssuer trusts an OpenID provider for the organisation's apps, after having asked it for its keys.
 * @throws Fault issuer_unusable, egress_denied, already_exists, conflict (too many)
 */
export async function registerIssuer(
  { db, policy }: { readonly db: Db; readonly policy: EgressPolicy },
  orgId: string,
  body: RegisterIssuer,
): Promise<OidcIssuer> {
  const jwksUri = await discover(policy, body.issuer);
  return db.withOrg(orgId, async (tx) => {
    if ((await tx.oidcIssuer.count({ where: { orgId } })) >= issuersMax)
      throw new Fault('conflict', { public: `An organisation has at most ${issuersMax} issuers.` });
    const row = await tx.oidcIssuer.create({ data: { id: newId('oidcIssuer'), orgId, ...body, jwksUri } });
    await recordChange(tx, { kind: 'issuer', id: row.id, orgId });
    return view(row);
  });
}

export async function listIssuers(db: Db, orgId: string, query: PageQuery): Promise<Page<OidcIssuer>> {
  const rows = await db.withOrg(orgId, (tx) =>
    tx.oidcIssuer.findMany({ where: { orgId, ...afterCursor(query) }, ...keyset(query) }),
  );
  return toPage(rows, query, view);
}

/** changeIssuer disables or enables an issuer, or renames it; gateways hear of it at once. @throws Fault not_found */
export async function changeIssuer(db: Db, orgId: string, id: string, body: ChangeIssuer): Promise<OidcIssuer> {
  return db.withOrg(orgId, async (tx) => {
    if (!(await tx.oidcIssuer.findFirst({ where: { id, orgId } }))) throw new Fault('not_found');
    const { name, enabled } = body;
    const data = { ...(name === undefined ? {} : { name }), ...(enabled === undefined ? {} : { enabled }) };
    const row = await tx.oidcIssuer.update({ where: { id }, data });
    await recordChange(tx, { kind: 'issuer', id, orgId });
    return view(row);
  });
}

/** removeIssuer trusts an issuer no more. @throws Fault not_found */
export async function removeIssuer(db: Db, orgId: string, id: string): Promise<void> {
  await db.withOrg(orgId, async (tx) => {
    const { count } = await tx.oidcIssuer.deleteMany({ where: { id, orgId } });
    if (count === 0) throw new Fault('not_found');
    await recordChange(tx, { kind: 'issuer', id, orgId });
  });
}
