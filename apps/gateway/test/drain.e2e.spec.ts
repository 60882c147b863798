import { once } from 'node:events';
import { Agent, get as httpGet, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { type Clock, systemClock } from '@nm/kernel/time';
import { describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { bearer, openStage, startUpstream } from './fixture.js';
import { issue, makeTenant, setInstance } from './tenant.js';

const patient = { timeout: 60_000 };

async function collect(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of response) text += String(chunk);
  return text;
}

describe('drain', () => {
  it('finishes the request in flight, sends streams and tunnels home, accepts nobody new, and ends in time', async () => {
    const drainMs = 60_000;
    const stage = await openStage({ config: { drainMs } });
    let finish = (): void => undefined;
    const upstream = await startUpstream((request, response) => {
      if (request.url === '/slow') finish = () => response.end('finished');
      else response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n');
    });
    const sockets = new WebSocketServer({ server: upstream.server });
    const acme = await makeTenant(stage.database.db, 'acme');
    await setInstance(stage.database.db, acme, { address: upstream.address });
    const { key } = await issue(stage.database.db, stage.vault, acme);
    const base = `${stage.url}/kama/acme/guestbook`;
    const call = (path: string) => once(httpGet(base + path, { headers: bearer(key), agent: false }), 'response');
    const slow = call('/slow') as Promise<[IncomingMessage]>;
    const [events] = (await call('/events')) as [IncomingMessage];
    const eventText = collect(events);
    const socket = new WebSocket(`${base.replace('http', 'ws')}/ws`, { headers: bearer(key) });
    await once(socket, 'open');
    await expect.poll(() => upstream.seen.length).toBe(2);

    const started = performance.now();
    const closed = once(socket, 'close');
    const drained = stage.gateway.drain();
    expect(await eventText).toBe('data: 1\n\nretry: 1000\n\n');
    expect((await closed)[0]).toBe(1001);
    const ready = await fetch(`http://127.0.0.1:${stage.gateway.opsPort}/readyz`);
    expect(ready.status).toBe(503);
    const refused = connect(stage.gateway.port, '127.0.0.1');
    expect(((await once(refused, 'error'))[0] as NodeJS.ErrnoException).code).toBe('ECONNREFUSED');
    finish();
    const [answer] = await slow;
    expect(answer.headers.connection).toBe('close');
    expect(await collect(answer)).toBe('finished');
    await drained;
    expect(performance.now() - started).toBeLessThan(drainMs);
    sockets.close();
    await upstream.close();
    await stage.database.close();
  });

  it(
    'serves what a balancer still sends, and ends no stream, until balancers have had their time',
    patient,
    async () => {
      const listenMs = 54_321;
      let endOfTime = (): void => undefined;
      const time = new Promise<void>((resolve) => {
        endOfTime = resolve;
      });
      const sleep: Clock['sleep'] = (ms, signal) => (ms === listenMs ? time : systemClock.sleep(ms, signal));
      const stage = await openStage({
        clock: { ...systemClock, sleep },
        config: { drainMs: listenMs + 5_000, drainListenMs: listenMs },
      });
      const upstream = await startUpstream((request, response) => {
        if (request.url === '/events')
          response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n');
        else response.end('ok');
      });
      const acme = await makeTenant(stage.database.db, 'acme');
      await setInstance(stage.database.db, acme, { address: upstream.address });
      const { key } = await issue(stage.database.db, stage.vault, acme);
      const call = async (path: string, agent: Agent | false = false) => {
        const url = `${stage.url}/kama/acme/guestbook${path}`;
        const [answer] = await once(httpGet(url, { headers: bearer(key), agent }), 'response');
        return answer as IncomingMessage;
      };
      const kept = new Agent({ keepAlive: true, maxSockets: 1 });
      expect(await collect(await call('/before', kept))).toBe('ok');
      const eventText = collect(await call('/events'));
      let eventsEnded = false;
      void eventText.then(() => {
        eventsEnded = true;
      });

      const drained = stage.gateway.drain();
      const ready = await fetch(`http://127.0.0.1:${stage.gateway.opsPort}/readyz`);
      expect(ready.status).toBe(503);
      for (const agent of [kept, false] as const) {
        const answer = await call('/during', agent);
        expect([answer.statusCode, answer.headers.connection, await collect(answer)]).toEqual([200, 'close', 'ok']);
      }
      expect(eventsEnded).toBe(false);

      endOfTime();
      expect(await eventText).toBe('data: 1\n\nretry: 1000\n\n');
      await expect
        .poll(
          () =>
            call('/after').then(
              () => 'served',
              (error: NodeJS.ErrnoException) => error.code,
            ),
          patient,
        )
        .toBe('ECONNREFUSED');
      await drained;
      kept.destroy();
      await upstream.close();
      await stage.database.close();
    },
  );

  it('cuts at the deadline what does not end', async () => {
    const stage = await openStage({ config: { drainMs: 300, headersTimeoutMs: 100_000, idleTimeoutMs: 100_000 } });
    const upstream = await startUpstream(() => undefined);
    const acme = await makeTenant(stage.database.db, 'acme');
    await setInstance(stage.database.db, acme, { address: upstream.address });
    const { key } = await issue(stage.database.db, stage.vault, acme);
    const call = httpGet(`${stage.url}/kama/acme/guestbook/never`, { headers: bearer(key), agent: false });
    const result = once(call, 'response') as Promise<[IncomingMessage]>;
    await expect.poll(() => upstream.seen.length).toBe(1);
    const started = performance.now();
    await stage.gateway.drain();
    expect(performance.now() - started).toBeLessThan(30_000);
    const [answer] = await result;
    expect([answer.statusCode, JSON.parse(await collect(answer)).code]).toEqual([503, 'draining']);
    await upstream.close();
    await stage.database.close();
  });
});
