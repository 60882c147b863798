import type { Db } from '@nm/adapters/db';

/** CallRow is one row of `cluster_call`. */
export interface CallRow {
  readonly id: string;
  readonly orgId: string;
  readonly licenceId: string;
  readonly installId: string;
  readonly kind: 'call' | 'missed';
  readonly count: number;
  readonly at: Date;
  readonly endedAt: Date | null;
  readonly verb: string;
  readonly apiGroup: string;
  readonly apiVersion: string;
  readonly resource: string;
  readonly subresource: string | null;
  readonly namespace: string | null;
  readonly name: string | null;
  readonly actorKind: string;
  readonly actorId: string;
  readonly actorName: string;
  readonly status: number | null;
  readonly code: string | null;
  readonly requestId: string | null;
}

const textCharsMax = 253;

/** writeCalls inserts many rows by one statement; of one that is there already it writes how it ended. */
export async function writeCalls(db: Pick<Db, 'asSystem'>, rows: readonly CallRow[]): Promise<void> {
  const json = JSON.stringify(rows.map(columnsOf));
  await db.asSystem(
    (tx) => tx.$executeRaw`
      INSERT INTO cluster_call (id, org_id, licence_id, install_id, kind, count, at, ended_at, verb, api_group, api_version, resource, subresource,
                                namespace, name, actor_kind, actor_id, actor_name, status, code, request_id)
      SELECT id, org_id, licence_id, install_id, kind, count, at, ended_at, verb, api_group, api_version, resource, subresource,
             namespace, name, actor_kind, actor_id, actor_name, status, code, request_id
        FROM jsonb_populate_recordset(NULL::cluster_call, ${json}::jsonb)
          ON CONFLICT (id) DO UPDATE SET ended_at = EXCLUDED.ended_at, status = EXCLUDED.status, code = EXCLUDED.code, name = EXCLUDED.name`,
  );
}

const columnsOf = (row: CallRow) => ({
  id: row.id,
  org_id: row.orgId,
  licence_id: row.licenceId,
  install_id: row.installId,
  kind: row.kind,
  count: row.count,
  at: row.at.toISOString(),
  ended_at: row.endedAt?.toISOString() ?? null,
  verb: plain(row.verb),
  api_group: plain(row.apiGroup),
  api_version: plain(row.apiVersion),
  resource: plain(row.resource),
  subresource: plain(row.subresource),
  namespace: plain(row.namespace),
  name: plain(row.name),
  actor_kind: row.actorKind,
  actor_id: row.actorId,
  actor_name: plain(row.actorName),
  status: row.status,
  code: row.code,
  request_id: row.requestId,
});

/** A path may hold anything percent-encoded; PostgreSQL takes no NUL in text. */
const plain = (text: string | null): string | null => text?.slice(0, textCharsMax).replaceAll('\0', '\ufffd') ?? null;
