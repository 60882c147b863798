import { engineKinds } from '@nm/adapters/proxy';
import request from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { bearer, openStage, type Stage, startUpstream, type Upstream } from './fixture.js';
import { issue, makeTenant, setInstance, setLicence, type Tenant } from './tenant.js';

/** The engines have a suite of their own; this shows that the gateway works on each. */
describe.each(engineKinds)('the gateway on %s', (engine) => {
  let stage: Stage;
  let upstream: Upstream;
  let acme: Tenant;

  beforeAll(async () => {
    stage = await openStage({ config: { engine } });
    upstream = await startUpstream((incoming, response) => void incoming.pipe(response));
    acme = await makeTenant(stage.database.db, 'acme');
    await setInstance(stage.database.db, acme, { address: upstream.address });
  });
  afterAll(async () => {
    await stage.close();
    await upstream.close();
  });

  it('lets a licensed request pass with its body, refuses a stranger, and answers its own routes', async () => {
    const licence = await issue(stage.database.db, stage.vault, acme, {});
    const path = '/kama/acme/guestbook/echo';
    const answer = await request(stage.url).post(path).set(bearer(licence.key)).type('text').send('hello');
    expect([answer.status, answer.text]).toEqual([200, 'hello']);
    expect(upstream.seen.at(-1)!.headers).toMatchObject({ via: expect.stringContaining('nmachine') });
    const stranger = await request(stage.url).get(path);
    expect([stranger.status, stranger.body.code]).toEqual([401, 'unauthenticated']);
    expect((await request(stage.url).get('/healthz')).body).toEqual({ status: 'ok' });
    expect((await request(stage.url).get('/nowhere')).body.code).toBe('not_found');
  });

  it('carries a WebSocket, and cuts it when its licence is revoked', async () => {
    const licence = await issue(stage.database.db, stage.vault, acme, {});
    const sockets = new WebSocketServer({ server: upstream.server });
    sockets.on('connection', (socket) => socket.on('message', (data) => socket.send(data)));
    const socket = new WebSocket(`${stage.url.replace('http', 'ws')}/kama/acme/guestbook/ws`, {
      headers: bearer(licence.key),
    });
    const echoed = new Promise<string>((resolve) => socket.once('message', (data) => resolve(data.toString())));
    socket.once('open', () => socket.send('hello'));
    expect(await echoed).toBe('hello');
    const closed = new Promise<number>((resolve) => socket.once('close', resolve));
    await setLicence(stage.database.db, acme, licence.id, 'revoked');
    expect(await closed).toBe(1008);
  });
});
