import type { Tx } from '@nm/adapters/db';
import { Fault } from '@nm/kernel/fault';
import type { RunRow } from './run-view.js';

/** Whose runs somebody may see: those of one organisation, narrowed to a licence's installs or to one install. */
export interface RunScope {
  readonly orgId: string;
  readonly licenceId?: string;
  readonly installId?: string;
}

/** scopeFilter is the condition of every query on runs for somebody outside. */
export const scopeFilter = ({ orgId, licenceId, installId }: RunScope) => ({
  orgId,
  ...(licenceId === undefined ? {} : { install: { licenceId } }),
  ...(installId === undefined ? {} : { installId }),
});

/** findRun gives a run of the scope; one of somebody else is as absent as one that never was. @throws Fault not_found */
export async function findRun(tx: Tx, scope: RunScope, runId: string): Promise<RunRow> {
  const run = await tx.run.findFirst({ where: { ...scopeFilter(scope), id: runId } });
  if (!run) throw new Fault('not_found');
  return run;
}
