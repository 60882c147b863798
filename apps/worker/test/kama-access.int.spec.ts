import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ContextKeys } from '@nm/features/context';
import { systemClock as clock } from '@nm/kernel/time';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type SeededVersion, seedVersion } from '../../../libs/testing/seed-version.js';
import { createTestDatabase, type TestDatabase } from '../../../libs/testing/test-database.js';
import { testVault as vault } from '../../../libs/testing/test-vault.js';
import { KamaAccess } from '../src/kama-access.js';

const never = new AbortController().signal;

describe('the way of a run to the KAMA of its install', () => {
  let database: TestDatabase;
  let owner: pg.Client;
  let seeded: SeededVersion;
  let keys: ContextKeys;
  let server: Server;
  let access: KamaAccess;
  let answer: (request: IncomingMessage, response: ServerResponse) => void = (_, response) => response.end('{}');
  const seen: { url: string; method: string; authorization: string; type: string | undefined; body: string }[] = [];
  beforeAll(async () => {
    database = await createTestDatabase();
    owner = new pg.Client({ connectionString: database.ownerUrl });
    await owner.connect();
    seeded = await seedVersion(owner, { installs: 2 });
    keys = await ContextKeys.open({ db: database.db, vault, clock });
    server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const { url = '', method = '', headers } = request;
        const body = Buffer.concat(chunks).toString();
        seen.push({ url, method, body, authorization: headers.authorization ?? '', type: headers['content-type'] });
        answer(request, response);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    access = new KamaAccess({ db: database.db, keys, gatewayUrl: originOf(server) });
  });
  afterEach(() => {
    seen.length = 0;
    answer = (_, response) => response.end('{}');
  });
  afterAll(async () => {
    await access.close();
    server.closeAllConnections();
    server.close();
    await owner.end();
    await database.close();
  });

  const originOf = (of: Server) => `http://127.0.0.1:${(of.address() as AddressInfo).port}`;
  const doorOf = (install: number, through = access) =>
    through.of({ id: 'run_1', orgId: seeded.orgId, installId: seeded.installIds[install] ?? '' });
  const ask = (install = 0) => doorOf(install).ask('GET', '/api/ping', { signal: never });

  it('leads through the gateway, with a token that is worth this install and no other', async () => {
    answer = (_, response) => response.writeHead(202).end('{"data":{"ok":true}}');
    expect(await ask(1)).toEqual({ status: 202, body: { data: { ok: true } } });
    const { rows } = await owner.query(
      `SELECT o.slug AS org, a.slug AS app, a.id AS app_id, i.licence_id, i.cluster_id, i.namespace
         FROM install i JOIN app a ON a.id = i.app_id JOIN org o ON o.id = i.org_id WHERE i.id = $1`,
      [seeded.installIds[1]],
    );
    const [{ org, app, app_id, licence_id, cluster_id, namespace }] = rows;
    expect(seen[0]).toMatchObject({ method: 'GET', url: `/kama/${org}/${app}/api/ping`, body: '', type: undefined });
    const claims = await keys.verify((seen[0]?.authorization ?? '').replace('Bearer ', ''));
    expect(claims).toMatchObject({
      ...{ sub: licence_id, org, app, appId: app_id, mode: 'full' },
      install: { id: seeded.installIds[1], cluster: cluster_id, namespace },
    });
    expect(claims.aud).toEqual([app_id, 'nm-install']);
  });

  it('carries a body as JSON, and gives every status as it came', async () => {
    answer = (_, response) => response.writeHead(403).end('{"code":"licence_revoked"}');
    const refused = await doorOf(0).ask('POST', '/api/actions/run_predicates', {
      body: { predicates: ['a'] },
      signal: never,
    });
    expect(refused).toEqual({ status: 403, body: { code: 'licence_revoked' } });
    expect(seen[0]).toMatchObject({ method: 'POST', type: 'application/json', body: '{"predicates":["a"]}' });
  });

  it.each([
    ['no JSON', '<html>'],
    ['more than anybody needs', `"${'x'.repeat(1024 * 1024)}"`],
  ])('takes an answer for nothing that is %s', async (_, text) => {
    answer = (_request, response) => response.end(text);
    expect(await ask()).toEqual({ status: 200, body: undefined });
  });

  it('says that the KAMA cannot be reached when the connection breaks or nobody listens', async () => {
    answer = (request) => request.socket.destroy();
    await expect(ask()).rejects.toMatchObject({ code: 'kama_unreachable' });
    const gone = createServer();
    await new Promise<void>((resolve) => gone.listen(0, '127.0.0.1', resolve));
    const gatewayUrl = originOf(gone);
    await new Promise((resolve) => gone.close(resolve));
    const nowhere = new KamaAccess({ db: database.db, keys, gatewayUrl });
    const asking = doorOf(0, nowhere).ask('GET', '/api/ping', { signal: never });
    await expect(asking).rejects.toMatchObject({ code: 'kama_unreachable' });
    await nowhere.close();
  });

  it('ends with the run, for the reason that the run ends', async () => {
    const stop = new AbortController();
    answer = () => stop.abort(new Error('cancelled'));
    await expect(doorOf(0).ask('GET', '/api/ping', { signal: stop.signal })).rejects.toThrow('cancelled');
  });
});
