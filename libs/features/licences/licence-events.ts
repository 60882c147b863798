import type { Db, Tx } from '@nm/adapters/db';
import { requireApp } from '@nm/features/apps';
import { afterCursor, keyset, LicenceEvent, type Page, type PageQuery, toPage } from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import { newId } from '@nm/kernel/ids';
import type { Clock } from '@nm/kernel/time';

/** Who does something to a licence of which organisation. */
export interface Actor {
  readonly orgId: string;
  readonly actorId: string;
}

/** recordEvent writes what happens to a licence, in the transaction in which it happens. */
export async function recordEvent(
  tx: Tx,
  clock: Clock,
  actor: Actor,
  licenceId: string,
  kind: LicenceEvent['kind'],
  detail: Readonly<Record<string, string | number | boolean | null>> = {},
): Promise<void> {
  const at = clock.now();
  await tx.licenceEvent.create({
    data: {
      id: newId('licenceEvent'),
      orgId: actor.orgId,
      licenceId,
      kind,
      actor: actor.actorId,
      detail,
      at,
    },
  });
}

interface EventRow {
  readonly id: string;
  readonly kind: string;
  readonly actor: string;
  readonly detail: unknown;
  readonly at: Date;
}

const view = (row: EventRow): LicenceEvent => LicenceEvent.parse({ ...row, at: row.at.toISOString() });

/** listEvents tells a licence's life, oldest first. @throws Fault not_found */
export async function listEvents(
  db: Db,
  orgId: string,
  app: string,
  licenceId: string,
  query: PageQuery,
): Promise<Page<LicenceEvent>> {
  const rows = await db.withOrg(orgId, async (tx) => {
    const { id: appId } = await requireApp(tx, orgId, app);
    if (!(await tx.licence.findFirst({ where: { id: licenceId, appId }, select: { id: true } })))
      throw new Fault('not_found');
    return tx.licenceEvent.findMany({ where: { licenceId, ...afterCursor(query) }, ...keyset(query) });
  });
  return toPage(rows, query, view);
}
