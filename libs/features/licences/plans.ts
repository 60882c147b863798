import { type Db, recordChange } from '@nm/adapters/db';
import { requireApp } from '@nm/features/apps';
import {
  afterCursor,
  type CreatePlan,
  Entitlements,
  keyset,
  Limits,
  type Page,
  type PageQuery,
  type Plan,
  toPage,
} from '@nm/kernel/contracts';
import { newId } from '@nm/kernel/ids';

interface PlanRow {
  readonly id: string;
  readonly slug: string;
  readonly name: string;
  readonly entitlements: unknown;
  readonly limits: unknown;
  readonly suspendedAccess: string;
  readonly createdAt: Date;
}

const view = (row: PlanRow): Plan => ({
  id: row.id,
  slug: row.slug,
  name: row.name,
  entitlements: Entitlements.parse(row.entitlements),
  limits: Limits.parse(row.limits),
  suspendedAccess: row.suspendedAccess as Plan['suspendedAccess'],
  createdAt: row.createdAt.toISOString(),
});

/** createPlan says what a kind of licence grants. @throws Fault not_found, already_exists */
export async function createPlan(db: Db, orgId: string, app: string, body: CreatePlan): Promise<Plan> {
  return db.withOrg(orgId, async (tx) => {
    const { id: appId } = await requireApp(tx, orgId, app);
    const row = await tx.plan.create({ data: { id: newId('plan'), orgId, appId, ...body } });
    // Gateways hold entitlements by licence; an app's change drops them all.
    await recordChange(tx, { kind: 'app', id: appId, orgId });
    return view(row);
  });
}

export async function listPlans(db: Db, orgId: string, app: string, query: PageQuery): Promise<Page<Plan>> {
  const rows = await db.withOrg(orgId, async (tx) => {
    const { id: appId } = await requireApp(tx, orgId, app);
    return tx.plan.findMany({ where: { appId, ...afterCursor(query) }, ...keyset(query) });
  });
  return toPage(rows, query, view);
}
