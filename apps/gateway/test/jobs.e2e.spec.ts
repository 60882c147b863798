import type { IncomingMessage, ServerResponse } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { bearer, openStage, type Stage, startUpstream, type Upstream } from './fixture.js';
import { addInstall, issue, makeTenant, setInstance, type Tenant } from './tenant.js';

const patient = { timeout: 30_000 };

describe('jobs that a KAMA carries out itself', () => {
  let stage: Stage;
  let upstream: Upstream;
  let acme: Tenant;
  let answer: (request: IncomingMessage, response: ServerResponse) => void;
  beforeAll(async () => {
    stage = await openStage();
    upstream = await startUpstream((request, response) => answer(request, response));
    acme = await makeTenant(stage.database.db, 'acme');
    await setInstance(stage.database.db, acme, { address: upstream.address });
  });
  afterAll(async () => {
    await stage.close();
    await upstream.close();
  });
  beforeEach(async () => {
    answer = (_, response) => response.end('{}');
    await stage.database.db.asSystem((tx) => tx.run.deleteMany({}));
  });

  const licensee = async () => {
    const { id, key } = await issue(stage.database.db, stage.vault, acme);
    const { installId } = await addInstall(stage.database.db, acme, id);
    return { id, key, installId };
  };
  const send = async (key: string, method: string, path: string) => {
    const sent = await fetch(`${stage.url}/kama/acme/guestbook${path}`, { method, headers: bearer(key) });
    return { status: sent.status, body: await sent.text() };
  };
  const runs = () =>
    stage.database.db.asSystem((tx) => tx.run.findMany({ include: { steps: true }, orderBy: { id: 'asc' } }));
  const jobs = async () => (await runs()).map(({ plan }) => (plan as { steps: { job: string }[] }).steps[0]?.job);

  it('are recorded as runs, each once, also when the same client asks again and again', async () => {
    const { id, key, installId } = await licensee();
    let jobsMade = 0;
    answer = (_, response) => {
      jobsMade++;
      // In pieces, as a server may write.
      response.write('{"data": {"job_');
      setImmediate(() => response.end(`id": "job-${Math.min(jobsMade, 4)}"}}`));
    };
    for (let i = 0; i < 5; i++)
      expect(await send(key, 'POST', '/api/variables/commit-apply?space=app')).toMatchObject({ status: 200 });
    await expect.poll(jobs, patient).toEqual(['job-1', 'job-2', 'job-3', 'job-4']);
    expect((await runs())[0]).toMatchObject({
      ...{ orgId: acme.orgId, installId, licenceId: id, startedBy: id, kind: 'action', action: 'kama-job' },
      ...{ title: 'POST /api/variables/commit-apply', status: 'queued', changing: false },
      steps: [{ kind: 'follow-job' }],
    });
  });

  it('are none where nothing was begun: an answer that only looks, an error, a run of ours, a client without an install', async () => {
    const { key } = await licensee();
    const bare = await issue(stage.database.db, stage.vault, acme);
    const says = (status: number, job: string) => {
      answer = (_, response) => response.writeHead(status).end(JSON.stringify({ job_id: job }));
    };
    says(200, 'looked');
    await send(key, 'GET', '/api/operations');
    await send(key, 'POST', '/api/operations/o1/eval-preflight');
    says(500, 'failed');
    await send(key, 'POST', '/api/variables/commit-apply');
    says(200, 'run_01hzy3v8k6e8p9q2r4s5t6u7vw');
    await send(key, 'POST', '/api/variables/commit-apply');
    says(200, 'nobodys');
    expect((await send(bare.key, 'POST', '/api/variables/commit-apply')).status).toBe(200);
    says(200, 'last');
    await send(key, 'POST', '/api/variables/commit-apply');
    // The last answer of the other test may be written down after its rows were deleted.
    const own = async () => (await jobs()).filter((job) => !job?.startsWith('job-'));
    await expect.poll(own, patient).toEqual(['last']);
  });
});
