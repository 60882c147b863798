import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { systemClock as clock } from '@nm/kernel/time';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { runEvents } from '../read-run.js';
import { FewObjectsCluster } from '../test/few-objects-cluster.js';
import { SeededRuns } from '../test/seeded-runs.js';
import { claimRun } from './claim-run.js';
import { RunLedger } from './run-ledger.js';

const secret = 'correct-horse-battery';

describe('what a run tells', () => {
  let runs: SeededRuns;
  let server: Server;
  let answer: (request: IncomingMessage, response: ServerResponse) => void;
  const cluster = new FewObjectsCluster();
  beforeAll(async () => {
    runs = await SeededRuns.open(2);
    server = createServer((request, response) => answer(request, response));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterEach(() => runs.owner.query('DELETE FROM run; DELETE FROM outbox'));
  afterAll(async () => {
    server.closeAllConnections();
    server.close();
    await runs.close();
  });

  const session = async () => cluster.session;
  const work = (id: string) => runs.work(id, { sessions: { forCluster: session, forInstall: session } });
  const request = (more: object = {}) => ({
    ...{ kind: 'http-request', title: 'Ask', method: 'GET', expectStatus: [200] },
    ...{
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
      headers: { 'x-api-key': secret },
      ...more,
    },
  });
  /** Everything that is stored of a run, and everything that is answered of it. */
  const everything = async (id: string) => {
    const { rows } = await runs.owner.query(
      `SELECT to_jsonb(r) AS run, (SELECT jsonb_agg(s) FROM run_step s WHERE s.run_id = r.id) AS steps,
              (SELECT jsonb_agg(l) FROM run_log l WHERE l.run_id = r.id) AS story FROM run r WHERE id = $1`,
      [id],
    );
    const { events } = await runEvents(runs.database.db, { orgId: runs.seeded.orgId }, id, 0);
    return JSON.stringify([rows, await runs.read(id), events]);
  };

  it.each([
    ['an answer that becomes the output', 200],
    ['an answer that becomes the error', 500],
  ])('no secret of its plan, whoever says it: %s', async (_, status) => {
    answer = ({ headers }, response) => response.writeHead(status).end(`you sent ${String(headers['x-api-key'])}`);
    const id = await runs.queue(0, [request()]);
    await work(id);
    const all = await everything(id);
    expect(all).toContain('you sent •••');
    expect(all).not.toContain(secret);
  });

  it('no secret of its plan in a line of the log, or in what a step keeps while it waits', async () => {
    const condition = { object: { apiVersion: 'v1', kind: 'ConfigMap', name: 'door' }, field: 'data.key', equals: 'x' };
    cluster.put({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'door' }, data: { key: secret } });
    answer = (_, response) => response.end();
    const id = await runs.queue(0, [request(), { kind: 'wait-for', title: 'Wait', condition }]);
    await runs.work(id, {
      sessions: { forCluster: session, forInstall: session },
      clock: { ...clock, sleep: async () => undefined },
    });
    expect((await runs.read(id)).status).toBe('waiting');
    const all = await everything(id);
    expect(all).toContain('data.key is \\"•••');
    expect(all).not.toContain(secret);
  });

  it('what its author offers to do about an error, where that fits', async () => {
    answer = (_, response) => response.writeHead(503).end();
    const button = (title: string) => ({ title, button_action: { type: 'open', href: '/x' } });
    const remedies = [
      { ...button('Any'), info: 'always' },
      { ...button('Its type'), match: { type: 'Http503' } },
      { ...button('Its code'), match: { code: 'step_failed', type: 'Http503' } },
      { ...button('Another type'), match: { type: 'Http404' } },
      { ...button('Another code'), match: { code: 'run_timeout' } },
    ];
    const id = await runs.queue(0, [request({ remedies })]);
    await work(id);
    const { error, steps, progress } = await runs.read(id);
    const offered = [{ ...button('Any'), info: 'always' }, button('Its type'), button('Its code')];
    for (const told of [error, steps[0]?.error, progress.error, progress.sub_items[0]?.error])
      expect(told?.remediation_options).toEqual(offered);
  });

  it('no more of a step’s log than is kept, however many workers have written it', async () => {
    const id = await runs.queue(0, [{ kind: 'wait', title: 'Wait', seconds: 0 }]);
    for (let claims = 0; claims < 3; claims++) {
      const taken = await claimRun(runs.engine(), id);
      if (taken.decision !== 'claim') throw new Error(taken.decision);
      const ledger = new RunLedger(runs.engine(), taken.run, clock.monotonicMs());
      for (let line = 0; line < 100; line++) ledger.log(0, 'x'.repeat(1_500));
      await ledger.release();
      ledger.close();
    }
    const { rows } = await runs.owner.query(
      `SELECT sum(length(data->>'line'))::int AS chars FROM run_log WHERE run_id = $1 AND kind = 'log'`,
      [id],
    );
    // 256 KiB of 450,000 characters, and what is said about the rest.
    expect(rows[0].chars).toBeGreaterThan(250_000);
    expect(rows[0].chars).toBeLessThan(270_000);
  });
});
