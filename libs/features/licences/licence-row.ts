import type { Tx } from '@nm/adapters/db';
import { GraceSteps, type Licence, LicenceState } from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import type { LicenceColumns } from '@nm/kernel/licensing';

/** What a publisher sees beside the licence itself. */
export const withNames = {
  app: { select: { slug: true } },
  plan: { select: { slug: true } },
  customer: { select: { id: true, name: true } },
} as const;

export interface LicenceRow extends LicenceColumns {
  readonly id: string;
  readonly keyLookup: string;
  readonly createdAt: Date;
  readonly app: { readonly slug: string };
  readonly plan: { readonly slug: string };
  readonly customer: { readonly id: string; readonly name: string };
}

/** licenceOf shows a row to its publisher. */
export function licenceOf(row: LicenceRow): Licence {
  const grace = GraceSteps.parse(row.grace);
  return {
    id: row.id,
    app: row.app.slug,
    plan: row.plan.slug,
    customer: { id: row.customer.id, name: row.customer.name },
    state: LicenceState.parse(row.state),
    startsAt: row.startsAt.toISOString(),
    ...(row.expiresAt ? { expiresAt: row.expiresAt.toISOString() } : {}),
    ...(row.expiresAfterFirstUseSeconds === null
      ? {}
      : { expiresAfterFirstUseSeconds: row.expiresAfterFirstUseSeconds }),
    ...(row.firstUsedAt ? { firstUsedAt: row.firstUsedAt.toISOString() } : {}),
    trial: row.trial,
    grace,
    graceSeconds: grace.reduce((sum, { seconds }) => sum + seconds, 0),
    keyLookup: row.keyLookup,
    createdAt: row.createdAt.toISOString(),
  };
}

export type FullLicenceRow = Awaited<ReturnType<typeof requireLicenceRow>>;

/** requireLicenceRow finds a licence of an app and locks it, so that changes of its state take turns. @throws Fault not_found */
export async function requireLicenceRow(tx: Tx, appId: string, id: string) {
  await tx.$queryRaw`SELECT id FROM licence WHERE id = ${id} AND app_id = ${appId} FOR UPDATE`;
  const row = await tx.licence.findFirst({ where: { id, appId }, include: withNames });
  if (!row) throw new Fault('not_found');
  return row;
}

/** requireLivingLicence is requireLicenceRow for what a revoked licence, which nothing brings back, does not get. @throws Fault not_found; conflict */
export async function requireLivingLicence(tx: Tx, appId: string, id: string): Promise<FullLicenceRow> {
  const row = await requireLicenceRow(tx, appId, id);
  if (row.state === 'revoked')
    throw new Fault('conflict', { public: 'This licence is revoked for good. Issue a new one.' });
  return row;
}
