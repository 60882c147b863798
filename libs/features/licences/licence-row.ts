import type { Tx } from '@nm/adapters/db';
import { GraceSteps, type Licence, LicenceState } from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import type { LicenceFacts } from '@nm/kernel/licensing';

/** What a publisher sees beside the licence itself. */
export const withNames = {
  app: { select: { slug: true } },
  plan: { select: { slug: true } },
  customer: { select: { id: true, name: true } },
} as const;

export interface LicenceRow {
  readonly id: string;
  readonly state: string;
  readonly startsAt: Date;
  readonly expiresAt: Date | null;
  readonly grace: unknown;
  readonly trial: boolean;
  readonly keyLookup: string;
  readonly createdAt: Date;
  readonly app: { readonly slug: string };
  readonly plan: { readonly slug: string };
  readonly customer: { readonly id: string; readonly name: string };
}

const graceSecondsOf = ({ grace }: Pick<LicenceRow, 'grace'>): number =>
  GraceSteps.parse(grace).reduce((sum, { seconds }) => sum + seconds, 0);

/** licenceOf shows a row to its publisher. */
export const licenceOf = (row: LicenceRow): Licence => ({
  id: row.id,
  app: row.app.slug,
  plan: row.plan.slug,
  customer: { id: row.customer.id, name: row.customer.name },
  state: LicenceState.parse(row.state),
  startsAt: row.startsAt.toISOString(),
  ...(row.expiresAt ? { expiresAt: row.expiresAt.toISOString() } : {}),
  graceSeconds: graceSecondsOf(row),
  keyLookup: row.keyLookup,
  createdAt: row.createdAt.toISOString(),
});

/** factsOf is what a decision looks at. */
export const factsOf = (
  row: Pick<LicenceRow, 'state' | 'startsAt' | 'expiresAt' | 'grace' | 'trial'>,
): LicenceFacts => ({
  state: LicenceState.parse(row.state),
  startsAtMs: row.startsAt.getTime(),
  expiresAtMs: row.expiresAt?.getTime(),
  grace: GraceSteps.parse(row.grace),
  trial: row.trial,
});

/** requireLicenceRow finds a licence of an app and locks it, so that changes of its state take turns. @throws Fault not_found */
export async function requireLicenceRow(tx: Tx, appId: string, id: string) {
  await tx.$queryRaw`SELECT id FROM licence WHERE id = ${id} AND app_id = ${appId} FOR UPDATE`;
  const row = await tx.licence.findFirst({ where: { id, appId }, include: withNames });
  if (!row) throw new Fault('not_found');
  return row;
}
