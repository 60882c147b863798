import type { Tx } from './db.js';

/** What a gateway may hold in memory and must drop when it changes. The id of `rules` is the app's, of `session` the session's. */
export const changeKinds = [
  'app',
  'version',
  'channel',
  'licence',
  'install',
  'install_token',
  'instance',
  'cluster',
  'signing_key',
  'rules',
  'issuer',
  'org',
  'session',
] as const;
export type ChangeKind = (typeof changeKinds)[number];

export interface Change {
  readonly kind: ChangeKind;
  readonly id: string;
  readonly orgId: string | null;
}

/** The NOTIFY channel that a trigger on `outbox` feeds at commit; its payload is a JSON `Change` with `seq`. */
export const changeChannel = 'nm_change';

/** recordChange announces a change to every gateway; it is written in the transaction that makes the change, so neither exists without the other. */
export async function recordChange(tx: Tx, change: Change): Promise<void> {
  await tx.outbox.create({
    data: { topic: 'change', orgId: change.orgId, payload: { kind: change.kind, id: change.id, orgId: change.orgId } },
  });
}
