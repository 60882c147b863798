import { type Db, recordChange } from '@nm/adapters/db';
import type { LicenseePrincipal } from '@nm/features/access';
import type { AgentStatus, AgentToken, ReplaceAgentToken } from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import { mintBearerKey, parseBearerKey } from '@nm/kernel/ids';
import type { Clock } from '@nm/kernel/time';
import { type ClusterRow, findCluster } from '../cluster-row.js';
import type { ClusterDeps } from '../deps.js';
import { livingTunnels } from './tunnel-rows.js';

/** Whose agent a token is, and which of its tokens that was. */
export interface AgentCluster {
  readonly id: string;
  readonly orgId: string;
  /** The token's public part. */
  readonly lookup: string;
}

/** findAgentCluster finds the cluster that an agent's token is of, also of one that is being replaced; looked up by its public part, compared in constant time. */
export async function findAgentCluster(
  { db, vault, clock }: Pick<ClusterDeps, 'db' | 'vault' | 'clock'>,
  token: string,
): Promise<AgentCluster | undefined> {
  const key = parseBearerKey(token);
  if (key?.kind !== 'agent') return undefined;
  const { lookup } = key;
  const row = await db.asSystem((tx) =>
    tx.cluster.findFirst({ where: { OR: [{ agentLookup: lookup }, { agentOldLookup: lookup }] } }),
  );
  if (!row || !isOpen(row, lookup, clock)) return undefined;
  const hash = row.agentLookup === lookup ? row.agentHash : row.agentOldHash;
  return hash && vault.matchesBearerKey(token, hash) ? { id: row.id, orgId: row.orgId, lookup } : undefined;
}

type TokenColumns = Pick<ClusterRow, 'agentLookup' | 'agentOldLookup' | 'agentOldUntil'>;

const isOpen = (row: TokenColumns, lookup: string, clock: Clock): boolean =>
  row.agentLookup === lookup || (row.agentOldLookup === lookup && (row.agentOldUntil?.getTime() ?? 0) > clock.nowMs());

/** openTokens tells which of these tokens still open tunnels. */
export async function openTokens(
  { db, clock }: { readonly db: Db; readonly clock: Clock },
  tokens: readonly Pick<AgentCluster, 'id' | 'lookup'>[],
): Promise<ReadonlySet<string>> {
  const ids = [...new Set(tokens.map(({ id }) => id))];
  const rows = await db.asSystem((tx) =>
    tx.cluster.findMany({
      where: { id: { in: ids } },
      select: { id: true, agentLookup: true, agentOldLookup: true, agentOldUntil: true },
    }),
  );
  const byId = new Map(rows.map((row) => [row.id, row]));
  return new Set(
    tokens.flatMap(({ id, lookup }) => {
      const row = byId.get(id);
      return row && isOpen(row, lookup, clock) ? [lookup] : [];
    }),
  );
}

/**
 * replaceAgentToken mints another token for the agent of a cluster. The one before stays good for the overlap, so that an agent changes over without a gap;
 * the one before that ends now. @throws Fault not_found; conflict for a cluster that is reached directly
 */
export async function replaceAgentToken(
  { db, vault, clock }: ClusterDeps,
  principal: LicenseePrincipal,
  id: string,
  { overlapSeconds }: ReplaceAgentToken,
): Promise<AgentToken> {
  const { lookup, text } = mintBearerKey('agent');
  const until = new Date(clock.nowMs() + overlapSeconds * 1000);
  const hasPrevious = await change({ db }, principal, id, (row) => {
    const overlaps = overlapSeconds > 0 && row.agentLookup !== null;
    return {
      ...{ agentLookup: lookup, agentHash: vault.hashBearerKey(text) },
      agentOldLookup: overlaps ? row.agentLookup : null,
      agentOldHash: overlaps ? row.agentHash : null,
      agentOldUntil: overlaps ? until : null,
    };
  });
  return { agentToken: text, ...(hasPrevious ? { previousUntil: until.toISOString() } : {}) };
}

/** revokeAgentToken ends every token of a cluster's agent and cuts its tunnels. @throws Fault not_found; conflict for a cluster that is reached directly */
export async function revokeAgentToken(
  deps: { readonly db: Db },
  principal: LicenseePrincipal,
  id: string,
): Promise<void> {
  const none = { agentLookup: null, agentHash: null, agentOldLookup: null, agentOldHash: null, agentOldUntil: null };
  await change(deps, principal, id, () => none);
}

/** agentStatus says who is connected. @throws Fault not_found; conflict for a cluster that is reached directly */
export async function agentStatus(
  { db, clock }: { readonly db: Db; readonly clock: Clock },
  principal: LicenseePrincipal,
  id: string,
): Promise<AgentStatus> {
  const row = await db.withOrg(principal.orgId, (tx) => findCluster(tx, principal, id));
  assertAgent(row);
  const tunnels = await livingTunnels({ db, clock }, id);
  const replicas = tunnels.map(({ replica, connectedAt }) => ({ replica, connectedAt: connectedAt.toISOString() }));
  const until = row.agentOldUntil && row.agentOldUntil > clock.now() ? row.agentOldUntil.toISOString() : undefined;
  return { replicas, hasToken: row.agentLookup !== null, ...(until ? { previousUntil: until } : {}) };
}

type Columns = Record<'agentLookup' | 'agentOldLookup', string | null> &
  Record<'agentHash' | 'agentOldHash', Uint8Array<ArrayBuffer> | null> & { readonly agentOldUntil: Date | null };

/** Gives whether a token before is still good. */
function change(
  { db }: { readonly db: Db },
  principal: LicenseePrincipal,
  id: string,
  next: (row: ClusterRow) => Columns,
): Promise<boolean> {
  return db.withOrg(principal.orgId, async (tx) => {
    await tx.$queryRaw`SELECT id FROM cluster WHERE id = ${id} FOR UPDATE`;
    const row = await findCluster(tx, principal, id);
    assertAgent(row);
    const data = next(row);
    await tx.cluster.update({ where: { id }, data });
    // The announcement cuts what is connected. While tokens overlap nothing needs to be; the holders look at theirs every few seconds anyway.
    if (data.agentOldLookup === null) await recordChange(tx, { kind: 'cluster', id, orgId: principal.orgId });
    return data.agentOldLookup !== null;
  });
}

function assertAgent({ connection }: ClusterRow): void {
  if (connection !== 'agent')
    throw new Fault('conflict', { public: 'This cluster is reached directly; it has no agent.' });
}
