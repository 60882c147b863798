import type { Tx } from '@nm/adapters/db';
import type { GraceSteps } from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';

/** invalid names one field of a body and what is wrong with it. */
export const invalid = (path: string, message: string): Fault =>
  new Fault('invalid_body', { extra: { issues: [{ path, message }] } });

/** graceOf takes grace in either of its forms: steps, or one read-only stretch. */
export const graceOf = (body: {
  readonly grace?: GraceSteps | undefined;
  readonly graceSeconds?: number | undefined;
}): GraceSteps => body.grace ?? (body.graceSeconds ? [{ mode: 'read-only', seconds: body.graceSeconds }] : []);

/** requirePlan @throws Fault invalid_body when the app has no such plan */
export async function requirePlan(tx: Tx, appId: string, slug: string): Promise<{ readonly id: string }> {
  const plan = await tx.plan.findUnique({ where: { appId_slug: { appId, slug } } });
  if (!plan) throw invalid('plan', 'there is no such plan of this app');
  return plan;
}

/** requireCustomer @throws Fault invalid_body when the organisation has no such customer */
export async function requireCustomer(tx: Tx, orgId: string, id: string): Promise<{ readonly id: string }> {
  const customer = await tx.customer.findFirst({ where: { id, orgId } });
  if (!customer) throw invalid('customerId', 'there is no such customer');
  return customer;
}
