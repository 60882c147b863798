import type { KamaDoor } from '@nm/features/actions';
import { hasCode } from '@nm/kernel/fault';
import { jobOf, startPlanned } from '../server/start-planned.js';
import type { Visit } from '../server/visit.js';

const jobPath = /^\/api\/app\/jobs\/([^/]+)\/status$/;

/** ownDoor answers what steps ask of the install's KAMA, which is this process. */
export const ownDoor = (visit: (signal: AbortSignal) => Visit): KamaDoor => ({
  ask: async (method, path, { body, signal }) => {
    const here = visit(signal);
    if (method === 'POST' && path === '/api/actions/run_predicates') {
      const { predicates } = body as { predicates: readonly unknown[] };
      const job_id = await startPlanned(here, await here.session.runPredicates(predicates));
      return { status: 200, body: { status: 'running', job_id } };
    }
    const [, id] = jobPath.exec(path) ?? [];
    if (method !== 'GET' || id === undefined) return { status: 404, body: { code: 'not_found' } };
    try {
      return { status: 200, body: { data: await jobOf(here, decodeURIComponent(id)) } };
    } catch (error) {
      if (!hasCode(error, 'not_found')) throw error;
      return { status: 404, body: { code: 'not_found' } };
    }
  },
});
