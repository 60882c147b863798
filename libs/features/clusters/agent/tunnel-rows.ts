import type { Db } from '@nm/adapters/db';
import { newId } from '@nm/kernel/ids';
import type { Clock } from '@nm/kernel/time';

/** How often an owner says that it still holds a tunnel, and after how long without that the tunnel counts as gone. Milliseconds. */
export const heartbeatMs = 5_000;
const goneMs = 20_000;

interface TunnelDeps {
  readonly db: Db;
  readonly clock: Clock;
}

export interface TunnelFacts {
  readonly clusterId: string;
  readonly orgId: string;
  readonly owner: string;
  /** Which of several agents. */
  readonly replica: string;
}

/** addTunnel writes down that this process holds a tunnel of the cluster. */
export async function addTunnel({ db, clock }: TunnelDeps, facts: TunnelFacts): Promise<string> {
  const id = newId('tunnel', clock.nowMs());
  const now = clock.now();
  await db.asSystem((tx) => tx.agentTunnel.create({ data: { ...facts, id, connectedAt: now, heartbeatAt: now } }));
  return id;
}

export const nameTunnel = ({ db }: TunnelDeps, id: string, replica: string) =>
  db.asSystem((tx) => tx.agentTunnel.updateMany({ where: { id }, data: { replica } }));

export const removeTunnel = ({ db }: TunnelDeps, id: string) =>
  db.asSystem((tx) => tx.agentTunnel.deleteMany({ where: { id } }));

/** beatTunnels keeps this process's rows alive and sweeps away those of processes that are gone. Gives the rows that are still there. */
export function beatTunnels({ db, clock }: TunnelDeps, ids: readonly string[]): Promise<ReadonlySet<string>> {
  return db.asSystem(async (tx) => {
    await tx.agentTunnel.updateMany({ where: { id: { in: [...ids] } }, data: { heartbeatAt: clock.now() } });
    await tx.agentTunnel.deleteMany({ where: { heartbeatAt: { lt: new Date(clock.nowMs() - 10 * goneMs) } } });
    const living = await tx.agentTunnel.findMany({ where: { id: { in: [...ids] } }, select: { id: true } });
    return new Set(living.map(({ id }) => id));
  });
}

/** livingTunnels gives the tunnels of a cluster whose holders are alive, the youngest first. */
export function livingTunnels({ db, clock }: TunnelDeps, clusterId: string) {
  const since = new Date(clock.nowMs() - goneMs);
  return db.asSystem((tx) =>
    tx.agentTunnel.findMany({
      where: { clusterId, heartbeatAt: { gt: since } },
      orderBy: { connectedAt: 'desc' },
      select: { owner: true, replica: true, connectedAt: true },
    }),
  );
}

/** ownersOf lists where a cluster's tunnels are held, the youngest first. */
export async function ownersOf(deps: TunnelDeps, clusterId: string): Promise<string[]> {
  return [...new Set((await livingTunnels(deps, clusterId)).map(({ owner }) => owner))];
}
