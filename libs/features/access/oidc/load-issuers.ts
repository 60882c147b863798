import type { Tx } from '@nm/adapters/db';
import { IssuerMapping, OidcAlgorithm } from '@nm/kernel/contracts';
import { z } from 'zod';
import type { OidcUser, TrustedIssuer } from './verify-user-token.js';

/** loadIssuers reads whom an organisation trusts now. */
export async function loadIssuers(tx: Tx, orgId: string): Promise<readonly TrustedIssuer[]> {
  const rows = await tx.oidcIssuer.findMany({ where: { orgId, enabled: true }, orderBy: { id: 'asc' } });
  return rows.map(({ id, issuer, audience, algorithms, mapping, jwksUri }) => ({
    ...{ id, orgId, issuer, audience, jwksUri },
    algorithms: z.array(OidcAlgorithm).parse(algorithms),
    mapping: IssuerMapping.parse(mapping),
  }));
}

/**
 * licenceIdOfUser finds the licence that a user's token names, among those of one app: by its id, or the customer's newest that is not revoked,
 * active ones first.
 */
export async function licenceIdOfUser(
  tx: Tx,
  { orgId, licence: { holds, value } }: Pick<OidcUser, 'orgId' | 'licence'>,
  appId: string,
): Promise<string | undefined> {
  const named =
    holds === 'licence-id' ? { id: value } : { customer: { orgId, externalId: value }, state: { not: 'revoked' } };
  const row = await tx.licence.findFirst({
    where: { orgId, appId, ...named },
    // "active" sorts before "suspended".
    orderBy: [{ state: 'asc' }, { id: 'desc' }],
    select: { id: true },
  });
  return row?.id;
}
