import { connect } from 'node:net';
import { Controller, Get, Module, Res } from '@nestjs/common';
import { createLogger } from '@nm/adapters/telemetry';
import { systemClock } from '@nm/kernel/time';
import type { FastifyReply } from 'fastify';
import { afterEach, describe, expect, it } from 'vitest';
import { createHttpApp } from './create-http-app.js';
import { drain } from './drain.js';
import { EventStreams } from './event-streams.js';
import { listenOn } from './listen-on.js';

const logger = createLogger('test', 'silent');

describe('drain', () => {
  let stop: (() => Promise<void>) | undefined;
  afterEach(() => stop?.());

  async function start(drainMs: number) {
    const streams = new EventStreams();
    let finishSlow: () => void = () => undefined;
    let slowStarted: () => void = () => undefined;
    const slowRuns = new Promise<void>((resolve) => (slowStarted = resolve));

    @Controller()
    class TestController {
      @Get('slow')
      slow(): Promise<string> {
        slowStarted();
        return new Promise((resolve) => (finishSlow = () => resolve('done')));
      }

      @Get('quick')
      quick(): string {
        return 'quick';
      }

      @Get('events')
      events(@Res() reply: FastifyReply): void {
        void streams.open(reply).send({ id: 1, event: 'status', data: { hello: 'world' } });
      }
    }
    @Module({ controllers: [TestController] })
    class TestModule {}

    const app = await createHttpApp(TestModule, { logger });
    const listening = await listenOn(app, ['127.0.0.1', '::1'], 0);
    const { servers, port } = listening;
    const log: string[] = [];
    const url = `http://127.0.0.1:${port}`;
    const run = () =>
      drain({
        logger,
        clock: systemClock,
        drainMs,
        listening,
        streams,
        unready: () => log.push('unready'),
        close: [
          () => app.close().then(() => log.push('app')),
          () => Promise.reject(new Error('a pool that does not close')),
          () => log.push('pool'),
        ],
      }).then(() => log.push('drained'));
    stop = async () => {
      finishSlow();
      for (const server of servers) server.closeAllConnections();
      await app.close();
      stop = undefined;
    };
    return { url, port, log, run, slowRuns, finishSlow: () => finishSlow(), servers };
  }

  it('answers on every host, until it drains', async () => {
    const { url, port, run } = await start(1_000);
    expect(await (await fetch(`${url}/quick`)).text()).toBe('quick');
    expect(await (await fetch(`http://[::1]:${port}/quick`)).text()).toBe('quick');
    await run();
    await expect(fetch(`${url}/quick`)).rejects.toThrow();
    await expect(fetch(`http://[::1]:${port}/quick`)).rejects.toThrow();
  });

  it('says which port is taken, and leaves nothing listening', async () => {
    const { port, run } = await start(1_000);
    @Module({})
    class Empty {}
    const other = await createHttpApp(Empty, { logger });
    const taken = listenOn(other, ['127.0.0.1'], port);
    await expect(taken).rejects.toMatchObject({
      code: 'config_invalid',
      publicMessage: expect.stringContaining(`${port}`),
    });
    await other.close();
    await run();
  });

  it('lets a running request finish, ends streams with retry, closes in order, also past a failure', async () => {
    const { url, log, run, slowRuns, finishSlow } = await start(60_000);
    const slow = fetch(`${url}/slow`);
    const events = fetch(`${url}/events`).then((answer) => answer.text());
    await slowRuns;
    await new Promise((resolve) => setTimeout(resolve, 50));
    const drained = run();
    const text = await events;
    expect(text).toBe('retry: 1000\n\nid: 1\nevent: status\ndata: {"hello":"world"}\n\nretry: 1000\n\n');
    expect(log).toEqual(['unready']);
    finishSlow();
    const answer = await slow;
    expect([answer.status, await answer.text()]).toEqual([200, 'done']);
    await drained;
    expect(answer.headers.get('connection')).toBe('close');
    expect(log).toEqual(['unready', 'app', 'pool', 'drained']);
  });

  it('cuts what takes longer than the drain time', async () => {
    const { url, log, run, slowRuns } = await start(100);
    const slow = fetch(`${url}/slow`).then(
      () => 'answered',
      () => 'cut',
    );
    await slowRuns;
    await run();
    expect(await slow).toBe('cut');
    expect(log.at(-1)).toBe('drained');
  });

  it('does not take a further request on a kept-alive connection', async () => {
    const { port, run, slowRuns, finishSlow } = await start(60_000);
    const socket = connect(port, '127.0.0.1');
    let text = '';
    socket.on('data', (chunk) => (text += chunk.toString()));
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.write('GET /slow HTTP/1.1\r\nHost: a\r\n\r\n');
    await slowRuns;
    const drained = run();
    finishSlow();
    await Promise.all([closed, drained]);
    expect(text).toContain('done');
  });
});
