import { once } from 'node:events';
import { get as httpGet, type IncomingMessage, type ServerResponse } from 'node:http';
import { recordChange } from '@nm/adapters/db';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { bearer, openStage, type Stage, startUpstream, type Upstream } from './fixture.js';
import { addInstall, issue, makeTenant, openSession, setInstance, setLicence, type Tenant } from './tenant.js';

describe('streams through the gateway', () => {
  let stage: Stage;
  let upstream: Upstream;
  let sockets: WebSocketServer;
  let acme: Tenant;
  /** What is quiet for so long ends by itself: only what ends long before was cut. */
  const quietMs = 110_000;
  const fileBytes = 1_000_000;
  const streams = new Set<ServerResponse>();

  beforeAll(async () => {
    stage = await openStage({ config: { idleTimeoutMs: quietMs } });
    upstream = await startUpstream((asked, response) => {
      const isFile = asked.url === '/file';
      response.writeHead(200, isFile ? { 'content-length': fileBytes } : { 'content-type': 'text/event-stream' });
      response.write('data: first\n\n');
      streams.add(response);
      response.once('close', () => streams.delete(response));
    });
    sockets = new WebSocketServer({ server: upstream.server });
    sockets.on('connection', (socket) => socket.on('message', (data) => socket.send(String(data))));
    acme = await makeTenant(stage.database.db, 'acme');
    await setInstance(stage.database.db, acme, { address: upstream.address });
  });
  afterAll(async () => {
    await stage.close();
    sockets.close();
    await upstream.close();
  });

  async function follow(
    key: string,
    headers = {},
    path = '/events',
  ): Promise<{ response: IncomingMessage; text: () => string; ended: Promise<unknown> }> {
    const call = httpGet(`${stage.url}/kama/acme/guestbook${path}`, {
      headers: { ...bearer(key), ...headers },
      agent: false,
    });
    const [response] = (await once(call, 'response')) as [IncomingMessage];
    let text = '';
    response.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    response.on('error', () => undefined);
    return { response, text: () => text, ended: new Promise((resolve) => response.once('close', resolve)) };
  }
  /** Every second everything that is open is looked at. */
  const sweeps = () => new Promise((resolve) => setTimeout(resolve, 2_500));
  const timed = async (work: Promise<unknown>): Promise<number> => {
    const started = performance.now();
    await work;
    return performance.now() - started;
  };

  it('cuts an event stream when its licence is revoked, upstream too, and no stream of others', async () => {
    const [mine, theirs] = [
      await issue(stage.database.db, stage.vault, acme),
      await issue(stage.database.db, stage.vault, acme),
    ];
    const cut = await follow(mine.key);
    const kept = await follow(theirs.key);
    await expect.poll(cut.text).toContain('first');
    await setLicence(stage.database.db, acme, mine.id, 'revoked');
    expect(await timed(cut.ended)).toBeLessThan(quietMs / 2);
    await expect.poll(() => streams.size).toBe(1);
    for (const stream of streams) stream.write('data: second\n\n');
    await expect.poll(kept.text).toContain('second');
    kept.response.destroy();
    await expect.poll(() => streams.size).toBe(0);
  });

  it('cuts a download that is under way when its licence is suspended, so that it looks cut off', async () => {
    const licence = await issue(stage.database.db, stage.vault, acme);
    const { response, text, ended } = await follow(licence.key, {}, '/file');
    expect(response.headers['content-length']).toBe(String(fileBytes));
    await expect.poll(text).toContain('first');
    await setLicence(stage.database.db, acme, licence.id, 'suspended');
    expect(await timed(ended)).toBeLessThan(quietMs / 2);
    expect([response.complete, text()]).toEqual([false, 'data: first\n\n']);
    await expect.poll(() => streams.size).toBe(0);
  });

  it('cuts a stream when its licence expires, though nothing announces that', async () => {
    const licence = await issue(stage.database.db, stage.vault, acme, { expiresAt: new Date(Date.now() + 1500) });
    const stream = await follow(licence.key);
    expect(await timed(stream.ended)).toBeLessThan(quietMs / 2);
  });

  it('cuts what a rotated key and its sessions opened, and nothing of the new key', async () => {
    const licence = await issue(stage.database.db, stage.vault, acme);
    const { token } = await openSession(stage.database.db, stage.vault, acme, licence.id);
    const [byKey, bySession] = [await follow(licence.key), await follow(token)];
    const fresh = await issue(stage.database.db, stage.vault, acme);
    await stage.database.db.asSystem(async (tx) => {
      const { keyLookup, keyHash } = await tx.licence.findUniqueOrThrow({ where: { id: fresh.id } });
      await tx.licence.delete({ where: { id: fresh.id } });
      await tx.licence.update({ where: { id: licence.id }, data: { keyLookup, keyHash } });
      await recordChange(tx, { kind: 'licence', id: licence.id, orgId: acme.orgId });
    });
    await Promise.all([byKey.ended, bySession.ended]);
    const byNew = await follow(fresh.key);
    expect(byNew.response.statusCode).toBe(200);
    await setLicence(stage.database.db, acme, licence.id, 'active');
    await sweeps();
    expect(byNew.response.destroyed).toBe(false);
    byNew.response.destroy();
  });

  it('cuts what an ended session opened, and nothing of the licence’s other sessions', async () => {
    const licence = await issue(stage.database.db, stage.vault, acme);
    const [one, other] = [
      await openSession(stage.database.db, stage.vault, acme, licence.id),
      await openSession(stage.database.db, stage.vault, acme, licence.id),
    ];
    const [cut, kept, byKey] = [await follow(one.token), await follow(other.token), await follow(licence.key)];
    await stage.database.db.asSystem(async (tx) => {
      await tx.licenceSession.update({ where: { id: one.id }, data: { endedAt: new Date() } });
      await recordChange(tx, { kind: 'session', id: one.id, orgId: acme.orgId });
    });
    await cut.ended;
    await sweeps();
    for (const { response } of [kept, byKey]) {
      expect(response.destroyed).toBe(false);
      response.destroy();
    }
  });

  it('cuts a stream of an install that is removed', async () => {
    const licence = await issue(stage.database.db, stage.vault, acme);
    const { installId } = await addInstall(stage.database.db, acme, licence.id);
    const stream = await follow(licence.key);
    await stage.database.db.asSystem(async (tx) => {
      await tx.install.update({ where: { id: installId }, data: { state: 'removed' } });
      await tx.outbox.create({
        data: { topic: 'change', orgId: acme.orgId, payload: { kind: 'install', id: installId, orgId: acme.orgId } },
      });
    });
    expect(await timed(stream.ended)).toBeLessThan(quietMs / 2);
  });

  it('carries a WebSocket with context, and closes it with 1008 on suspension', async () => {
    const licence = await issue(stage.database.db, stage.vault, acme);
    const socket = new WebSocket(`${stage.url.replace('http', 'ws')}/kama/acme/guestbook/ws?x=1`, {
      headers: bearer(licence.key),
    });
    let upgradeHeaders: IncomingMessage['headers'] = {};
    sockets.once('connection', (_socket, request) => {
      upgradeHeaders = request.headers;
    });
    const [reply] = (await Promise.all([once(socket, 'upgrade'), once(socket, 'open')]))[0] as [IncomingMessage];
    expect(reply.headers['x-request-id']).toMatch(/^req_/);
    expect(upgradeHeaders).toHaveProperty('nm-context');
    expect(upgradeHeaders).not.toHaveProperty('authorization');
    socket.send('hello');
    expect(String((await once(socket, 'message'))[0])).toBe('hello');
    await setLicence(stage.database.db, acme, licence.id, 'suspended');
    expect((await once(socket, 'close'))[0]).toBe(1008);
  });

  it('answers a refused upgrade like any request', async () => {
    const licence = await issue(stage.database.db, stage.vault, acme, { state: 'suspended' });
    for (const [path, status, code] of [
      ['/kama/acme/guestbook/ws', 403, 'licence_suspended'],
      ['/clusters/clu_1/proxy/api/v1/namespaces/x/pods/y/exec', 401, 'unauthenticated'],
      ['/elsewhere', 501, 'upgrade_not_supported'],
    ] as const) {
      const socket = new WebSocket(stage.url.replace('http', 'ws') + path, { headers: bearer(licence.key) });
      socket.on('error', () => undefined);
      const [, response] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage];
      let body = '';
      for await (const chunk of response) body += String(chunk);
      const { code: told, details } = JSON.parse(body) as { code: unknown; details?: { causes: { reason: string }[] } };
      expect([path, response.statusCode, details?.causes[0]?.reason ?? told]).toEqual([path, status, code]);
    }
  });
});
