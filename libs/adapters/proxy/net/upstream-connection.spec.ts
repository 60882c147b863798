import type { Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { UpstreamConnection, type UpstreamUser } from './upstream-connection.js';
import { overEvents } from './wire.js';

const ignore = (): void => undefined;
const userWith = (more: Partial<UpstreamUser>): UpstreamUser => ({
  isHead: false,
  requestSent: true,
  upstreamReady: ignore,
  upstreamInterim: ignore,
  upstreamAnswer: ignore,
  upstreamData: ignore,
  upstreamFlush: ignore,
  upstreamComplete: ignore,
  upstreamEnded: ignore,
  upstreamFailed: ignore,
  upstreamDrained: ignore,
  upstreamSwitched: ignore,
  ...more,
});

describe('UpstreamConnection', () => {
  it('reads on for its next user when the last bytes for the one before filled that client', async () => {
    const socket = new PassThrough();
    const given: UpstreamConnection[] = [];
    const home = { giveBack: (connection: UpstreamConnection) => void given.push(connection), gone: ignore };
    const connection = new UpstreamConnection(overEvents(socket as unknown as Socket), home, 'a');
    // What an exchange does whose client has no room left.
    connection.use(userWith({ upstreamData: () => void socket.pause() }));
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    await expect.poll(() => given.length).toBe(1);
    let text = '';
    connection.use(
      userWith({
        upstreamData: (bytes, start, end) => {
          text = bytes.toString('latin1', start, end);
        },
      }),
    );
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes');
    await expect.poll(() => text).toBe('yes');
  });

  it('has the end of an answer sent before anybody else gets the connection', () => {
    const steps: string[] = [];
    const wire = overEvents(new PassThrough() as unknown as Socket);
    const note = (step: string) => (): void => void steps.push(step);
    const connection = new UpstreamConnection(wire, { giveBack: note('given back'), gone: note('gone') }, 'a');
    connection.use(
      userWith({
        upstreamAnswer: note('answer'),
        upstreamData: (bytes, start, end) => void steps.push(bytes.toString('latin1', start, end)),
        upstreamComplete: note('complete'),
        upstreamEnded: note('ended'),
      }),
    );
    const answer = Buffer.from('....HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok....');
    wire.reader.receive(answer, 4, answer.length - 4);
    expect(steps).toEqual(['answer', 'ok', 'complete', 'given back', 'ended']);
  });
});
