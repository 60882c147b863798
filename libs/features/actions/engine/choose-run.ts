import type { Db } from '@nm/adapters/db';

export interface ChooseOptions {
  readonly db: Db;
  /** So many runs of one tenant are worked on at the same time, by all workers together. */
  readonly tenantRunsMax: number;
}

const statement = { name: 'nm_runs_choose', text: "SELECT (nm_runs_choose(ARRAY[$1], $2, '{}', 1))[1] AS id" };

/**
 * chooseRun tells which run a free worker should take. A run that has lost its worker comes before all others, whatever was asked for: behind a
 * long queue its turn would come late, and it is in the middle of its work. Otherwise the slot goes to the tenant that has the fewest in proportion to its weight, and there to the run that comes first (priority, then age) among those that
 * nothing stands in the way of. So what a worker was asked for only says that there is work: one tenant's long queue delays nobody else's
 * next run. It looks without locks: the claim that follows is what decides. The rule is the database's function `nm_runs_choose`, which `takeRun` uses too.
 * @returns undefined when there is nothing that this worker may take
 */
export async function chooseRun({ db, tenantRunsMax }: ChooseOptions, askedFor: string): Promise<string | undefined> {
  const [row] = await db.system<{ id: string | null }>(statement, [askedFor, tenantRunsMax]);
  return row?.id ?? undefined;
}
