import type { Db } from '@nm/adapters/db';
import {
  afterCursor,
  type CreateCustomer,
  type Customer,
  keyset,
  type Page,
  type PageQuery,
  toPage,
} from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import { newId } from '@nm/kernel/ids';

interface CustomerRow {
  readonly id: string;
  readonly name: string;
  readonly email: string | null;
  readonly createdAt: Date;
}

const view = (row: CustomerRow): Customer => ({
  id: row.id,
  name: row.name,
  ...(row.email === null ? {} : { email: row.email }),
  createdAt: row.createdAt.toISOString(),
});

export async function createCustomer(db: Db, orgId: string, body: CreateCustomer): Promise<Customer> {
  const data = { id: newId('customer'), orgId, name: body.name, email: body.email ?? null };
  return view(await db.withOrg(orgId, (tx) => tx.customer.create({ data })));
}

export async function listCustomers(db: Db, orgId: string, query: PageQuery): Promise<Page<Customer>> {
  const rows = await db.withOrg(orgId, (tx) =>
    tx.customer.findMany({ where: { orgId, ...afterCursor(query) }, ...keyset(query) }),
  );
  return toPage(rows, query, view);
}

/** readCustomer @throws Fault not_found */
export async function readCustomer(db: Db, orgId: string, id: string): Promise<Customer> {
  const row = await db.withOrg(orgId, (tx) => tx.customer.findFirst({ where: { id, orgId } }));
  if (!row) throw new Fault('not_found');
  return view(row);
}
