import type { Tx } from '@nm/adapters/db';
import { liveSessions } from '@nm/features/access';
import type { LicenceView, Limits } from '@nm/kernel/contracts';

/** How many seats of each kind are taken. */
export interface SeatCounts {
  readonly installs: number;
  readonly users: number;
  readonly sessions: number;
}

/** countSeats counts who holds the seats of a licence now. */
export async function countSeats(tx: Tx, licenceId: string, now: Date): Promise<SeatCounts> {
  return {
    installs: await tx.install.count({ where: { licenceId, state: { not: 'removed' } } }),
    users: await tx.licenceUser.count({ where: { licenceId } }),
    sessions: await tx.licenceSession.count({ where: liveSessions(licenceId, now) }),
  };
}

/** seatUse puts each count beside its bound. */
export const seatUse = (used: SeatCounts, { installsMax, seats }: Limits): LicenceView['seats'] => ({
  installs: { used: used.installs, max: installsMax },
  users: { used: used.users, ...bound(seats?.users) },
  sessions: { used: used.sessions, ...bound(seats?.sessions) },
});

const bound = (max: number | undefined): { max?: number } => (max === undefined ? {} : { max });
