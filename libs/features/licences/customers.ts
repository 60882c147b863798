import { type Db, recordChange } from '@nm/adapters/db';
import {
  afterCursor,
  type ChangeCustomer,
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
  readonly externalId: string | null;
  readonly createdAt: Date;
}

const view = (row: CustomerRow): Customer => ({
  id: row.id,
  name: row.name,
  ...(row.email === null ? {} : { email: row.email }),
  ...(row.externalId === null ? {} : { externalId: row.externalId }),
  createdAt: row.createdAt.toISOString(),
});

export async function createCustomer(db: Db, orgId: string, body: CreateCustomer): Promise<Customer> {
  const data = {
    id: newId('customer'),
    orgId,
    name: body.name,
    email: body.email ?? null,
    externalId: body.externalId ?? null,
  };
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

/** changeCustomer changes what is given; null takes a value away. @throws Fault not_found; already_exists for an external id of another customer */
export async function changeCustomer(db: Db, orgId: string, id: string, body: ChangeCustomer): Promise<Customer> {
  const { name, email, externalId } = body;
  const data = {
    ...(name === undefined ? {} : { name }),
    ...(email === undefined ? {} : { email }),
    ...(externalId === undefined ? {} : { externalId }),
  };
  return db.withOrg(orgId, async (tx) => {
    if (!(await tx.customer.findFirst({ where: { id, orgId } }))) throw new Fault('not_found');
    const row = await tx.customer.update({ where: { id }, data, include: { licences: { select: { id: true } } } });
    // A customer's name and external id are part of what gateways hold of each licence.
    for (const licence of row.licences) await recordChange(tx, { kind: 'licence', id: licence.id, orgId });
    return view(row);
  });
}
