import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { Vault } from '@nm/adapters/vault';
import type { Run } from '@nm/kernel/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type StartedApi, startApi, testMasterKey } from '../apps/api/test/start-api.js';
import { addInstall, issue, makeTenant, setInstance } from '../apps/gateway/test/tenant.js';
import { createTestDatabase, type TestDatabase } from '../libs/testing/test-database.js';
import { type AppProcess, startAppProcess } from './app-process.js';

const patience = { timeout: 120_000, interval: 100 };
const statusPath = '/api/app/jobs/6b5f-1/status';
const node = (status: string, more: object = {}) => ({
  ...{ id: 'root', title: 'Upgrade', info: null, status, logs: [], error: null, sub_items: [] },
  ...more,
});

describe('a job that a publisher’s own KAMA carries out behind the gateway', () => {
  const processes: AppProcess[] = [];
  let database: TestDatabase;
  let api: StartedApi;
  let kama: Server;
  let gatewayUrl: string;
  let key: string;
  let installId: string;
  /** What the KAMA says of the job, and who asks. */
  let job: object = node('running');
  let settled = 'running';
  const tokens = new Set<string>();

  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    request.resume();
    response.setHeader('content-type', 'application/json');
    if (request.url === statusPath) {
      tokens.add(String(request.headers['nm-context'] ?? ''));
      response.end(JSON.stringify({ data: { status: settled, progress: job, result: null } }));
      return;
    }
    response.setHeader('content-encoding', 'gzip');
    response.end(gzipSync('{"data":{"job_id":"6b5f-1"}}'));
  };

  beforeAll(async () => {
    database = await createTestDatabase();
    const { db } = database;
    kama = createServer(answer);
    await new Promise<void>((resolve) => kama.listen(0, '127.0.0.1', resolve));
    const tenant = await makeTenant(db, 'acme');
    const licence = await issue(db, new Vault(testMasterKey), tenant);
    key = licence.key;
    ({ installId } = await addInstall(db, tenant, licence.id));
    await setInstance(db, tenant, { address: `127.0.0.1:${(kama.address() as AddressInfo).port}` });
    const common = {
      ...{ NM_DATABASE_URL: database.url, NM_MASTER_KEY: testMasterKey.toString('base64'), NM_OPS_PORT: '0' },
      NM_EGRESS_ALLOW: '127.0.0.0/8',
    };
    const start = (app: string, env: Record<string, string>) => {
      const started = startAppProcess(app, { ...common, ...env });
      processes.push(started);
      return started;
    };
    const { port } = await start('gateway', { NM_GATEWAY_PORT: '0' }).says('gateway is listening');
    gatewayUrl = `http://127.0.0.1:${port}`;
    await start('worker', { NM_WORKER_GATEWAY_URL: gatewayUrl, NM_SWEEP_MS: '300' }).says('worker started');
    api = await startApi({ database });
  }, 300_000);
  afterAll(async () => {
    await Promise.all(processes.map((started) => started.end('SIGKILL')));
    await api?.close();
    kama?.closeAllConnections();
    kama?.close();
    await database?.close();
  });

  const bearer = () => ({ authorization: `Bearer ${key}` });
  const read = async <T>(path: string): Promise<T> => {
    const response = await fetch(`${api.url}/v1${path}`, { headers: bearer() });
    expect(response.status).toBe(200);
    return (await response.json()) as T;
  };
  const jobs = async () => (await read<{ data: Run[] }>('/runs?action=kama-job')).data;

  it('is a run of the install: its progress is seen as it comes, it waits without a worker, and it ends as the job does', async () => {
    const asked = await fetch(`${gatewayUrl}/kama/acme/guestbook/api/variables/commit-apply`, {
      method: 'POST',
      headers: { ...bearer(), 'content-type': 'application/json' },
      body: '{}',
    });
    // What the client gets is what the KAMA has sent.
    expect([asked.status, await asked.json()]).toEqual([200, { data: { job_id: '6b5f-1' } }]);
    await expect.poll(async () => (await jobs()).length, patience).toBe(1);
    const [{ id = '' } = {}] = await jobs();
    const story = await fetch(`${api.url}/v1/runs/${id}/events`, { headers: bearer() });
    expect(story.headers.get('content-type')).toContain('text/event-stream');
    const whole = story.text();

    const run = () => read<Run>(`/runs/${id}`);
    await expect.poll(async () => (await run()).status, patience).toBe('waiting');
    expect(await run()).toMatchObject({
      ...{ installId, action: 'kama-job', title: 'POST /api/variables/commit-apply', changing: false },
      waiting: { reason: 'kama' },
    });
    job = node('running', { sub_items: [node('running', { title: 'Apply' })] });
    const shown = async () =>
      (await run()).progress.sub_items[0]?.sub_items.map(({ title, status }) => [title, status]);
    await expect.poll(shown, patience).toEqual([['Apply', 'running']]);
    job = node('positive', { sub_items: [node('positive', { title: 'Apply', logs: ['done'] })] });
    settled = 'positive';
    await expect.poll(async () => (await run()).status, patience).toBe('positive');
    expect(await shown()).toEqual([['Apply', 'positive']]);

    // The stream has ended by itself with the run's last event.
    const text = await whole;
    const seqs = [...text.matchAll(/^id: (\d+)$/gm)].map(([, seq]) => Number(seq));
    expect(seqs).toEqual(seqs.map((_, i) => i + 1));
    for (const line of ['Upgrade › Apply: running', 'Upgrade › Apply: positive', '"status":"waiting"'])
      expect(text).toContain(line);
    expect(text.trimEnd()).toMatch(/"status":"positive"\}\s+retry: \d+$/);
    // The worker asked through the gateway, which vouched for the install.
    expect(tokens.size).toBeGreaterThan(0);
    expect([...tokens].every((token) => token.split('.').length === 3)).toBe(true);
  }, 300_000);
});
