import type { CreateRun } from '@nm/kernel/contracts';

type Priority = NonNullable<CreateRun['priority']>;

const ranks: Readonly<Record<Priority, number>> = { low: -1, normal: 0, high: 1 };

/** rankOf gives the number that the queue is ordered by. */
export const rankOf = (priority: Priority | undefined): number => ranks[priority ?? 'normal'];

/** priorityOf gives the word for the number. */
export const priorityOf = (rank: number): Priority => (rank > 0 ? 'high' : rank < 0 ? 'low' : 'normal');
