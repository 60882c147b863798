import type { KubeObject } from '@nm/adapters/k8kat';
import { Fault } from '@nm/kernel/fault';
import { describe, expect, it } from 'vitest';
import { aStepContext } from '../test/a-step-context.js';
import { FewObjectsCluster } from '../test/few-objects-cluster.js';
import { startJob } from './job-work.js';
import { stepSession } from './step-context.js';

const nothing = async (): Promise<void> => undefined;
const changes = { begin: nothing, end: nothing, drop: nothing };
const job = { apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'j-1' } } as KubeObject;

describe('the creation of a Job', () => {
  const begun = (own: object = {}) => {
    const cluster = new FewObjectsCluster();
    return { cluster, context: aStepContext({ session: stepSession(async () => cluster.session), changes, ...own }) };
  };

  it('is no doubt when what failed came after it: the Job is there, and is kept', async () => {
    const { cluster, context } = begun({ log: () => Promise.reject(new Fault('store_unavailable')) });
    expect(await startJob(job, false, context)).toEqual({ failed: 0, job: 'uid-1' });
    expect(cluster.created).toEqual(['j-1']);
    expect(context.notes).toEqual([
      { failed: 0, begun: true },
      { failed: 0, job: 'uid-1' },
    ]);
  });

  it('is in doubt when nobody can say whether it was made', async () => {
    const { cluster, context } = begun();
    const request = () => Promise.reject(new Error('the connection broke'));
    Object.assign(cluster.session, { request });
    await expect(startJob(job, false, context)).rejects.toMatchObject({ code: 'step_unknown' });
    expect(context.notes).toEqual([{ failed: 0, begun: true }]);
  });

  it('is in doubt when a Job of that name is somebody else’s', async () => {
    const { cluster, context } = begun();
    const request = async () => {
      cluster.put({ ...job, metadata: { name: 'j-1', uid: 'theirs' } } as KubeObject);
      throw new Error('the connection broke');
    };
    Object.assign(cluster.session, { request });
    await expect(startJob(job, false, context)).rejects.toMatchObject({ code: 'step_unknown' });
  });
});
