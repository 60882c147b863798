import { ProgressNode, RunError, RunStatus } from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import { z } from 'zod';
import type { ApiCall } from './call-api.js';
import type { Job, RunDoor } from './install-access.js';

const Started = z.object({ id: z.string() });
const Run = z.object({ status: RunStatus, progress: ProgressNode.nullable(), error: RunError.nullish() });

const Runs = z.object({
  data: z.array(
    z.object({ id: z.string(), action: z.string(), title: z.string(), status: RunStatus, createdAt: z.string() }),
  ),
});

const jobStatus: Readonly<Partial<Record<z.infer<typeof RunStatus>, Job['status']>>> = {
  queued: 'running',
  running: 'running',
  waiting: 'running',
  positive: 'positive',
};

/** runsOf has plans carried out by NMachine's run engine, in the name of the caller. */
export const runsOf = (call: ApiCall): RunDoor => ({
  start: async (run) => Started.parse(await call('POST', '/v1/runs', run)).id,
  job: async (id) => {
    if (!/^[\w-]{1,64}$/.test(id)) throw new Fault('not_found', { public: 'There is no such job.' });
    const { status, progress, error } = Run.parse(await call('GET', `/v1/runs/${id}`));
    return { status: jobStatus[status] ?? 'negative', progress, result: error ?? null };
  },
  list: async (action) => {
    const only = action === undefined ? '' : `&action=${encodeURIComponent(action)}`;
    const { data } = Runs.parse(await call('GET', `/v1/runs?order=newest&limit=50${only}`));
    return data.map(({ id, action: type, title, status, createdAt }) => ({
      ...{ id, type, name: title, occurred_at: createdAt },
      status: jobStatus[status] ?? 'negative',
    }));
  },
});
