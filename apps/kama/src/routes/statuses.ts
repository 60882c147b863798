import { startPlanned } from '../server/start-planned.js';
import type { Visit } from '../server/visit.js';

type Statuses = Readonly<Record<string, 'running' | 'broken' | 'error'>>;

/** statusesOf computes how each space of the app is. */
export async function statusesOf({ session, bundle }: Visit): Promise<Statuses> {
  const computed: [string, Statuses[string]][] = [];
  for (const space of bundle.spaces()) computed.push([space, (await session.status(space)) ?? 'error']);
  return Object.fromEntries(computed);
}

/** noteStatuses keeps them in the Kamafile; gives the id of the job. @throws Fault licence_read_only */
export const noteStatuses = async (visit: Visit, statuses: Statuses): Promise<string> =>
  startPlanned(visit, await visit.session.upkeep.planStatuses(statuses));
