import type { Duplex } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { FakeKubeApi } from '../../../testing/fake-kube-api.js';
import type { KubeSession } from '../index.js';
import { exec, openExec } from './exec.js';

const place = { namespace: 'default', pod: 'sh' };
const success = JSON.stringify({ status: 'Success' });

/** An API server whose exec speaks the protocols that a test names: what it was offered, what it heard, frame by frame. */
class ExecServer {
  readonly offered: string[][] = [];
  readonly heard: Buffer[] = [];
  socket: WebSocket | undefined;
  readonly #api: FakeKubeApi;
  readonly session: KubeSession;

  private constructor(api: FakeKubeApi, known: readonly string[]) {
    this.#api = api;
    this.session = api.session();
    const handleProtocols = (offered: Set<string>): string | false => {
      this.offered.push([...offered]);
      return [...offered].find((name) => known.includes(name)) ?? false;
    };
    const sockets = new WebSocketServer({ noServer: true, handleProtocols });
    api.server.on('upgrade', (request, socket: Duplex, head: Buffer) =>
      sockets.handleUpgrade(request, socket, head, (open) => {
        this.socket = open;
        open.on('message', (frame: Buffer) => void this.heard.push(frame));
        this.onOpen(open);
      }),
    );
  }
  onOpen: (socket: WebSocket) => void = () => undefined;

  static async open(known: readonly string[]): Promise<ExecServer> {
    return new ExecServer(await FakeKubeApi.open(), known);
  }
  say(channel: number, text: string): void {
    this.socket?.send(Buffer.concat([Buffer.from([channel]), Buffer.from(text)]));
  }
  end(): void {
    this.say(3, success);
    this.socket?.close(1000);
  }
  async close(): Promise<void> {
    await this.session.close();
    this.socket?.terminate();
    this.#api.close();
  }
}

describe('the protocols of exec', () => {
  let server: ExecServer;
  afterEach(() => server?.close());
  const heard = () => server.heard.map((frame) => [...frame.subarray(0, 2)].join(' '));

  it('offers v5 before v4, and tells by v5 that stdin has ended, while output goes on', async () => {
    server = await ExecServer.open(['v5.channel.k8s.io', 'v4.channel.k8s.io']);
    const stream = await openExec(server.session, place, ['cat'], { stdin: true });
    expect(server.offered).toEqual([['v5.channel.k8s.io', 'v4.channel.k8s.io']]);
    let said = '';
    stream.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    stream.stderr.resume();
    stream.stdin?.end('ab');
    await expect.poll(heard, { timeout: 20_000 }).toEqual(['0 97', '255 0']);
    server.say(1, 'after the end of stdin');
    await expect.poll(() => said, { timeout: 20_000 }).toBe('after the end of stdin');
    server.end();
    expect(await stream.exit).toBe(0);
  });

  it('goes on with v4 where the server knows no v5: the same command, and no frame that v4 does not know', async () => {
    server = await ExecServer.open(['v4.channel.k8s.io']);
    server.onOpen = (socket) =>
      socket.on('message', () => {
        server.say(1, 'heard');
        server.say(2, 'complaint');
        server.say(
          3,
          JSON.stringify({
            status: 'Failure',
            reason: 'NonZeroExitCode',
            details: { causes: [{ reason: 'ExitCode', message: '4' }] },
          }),
        );
        // An end that were told would come before this one.
        setTimeout(() => socket.close(1000), 200);
      });
    expect(await exec(server.session, place, ['cat'], { stdin: 'ab' })).toEqual({
      code: 4,
      stdout: 'heard',
      stderr: 'complaint',
      ok: false,
    });
    expect(heard()).toEqual(['0 97']);
  });

  it('refuses a server that takes none of them', async () => {
    server = await ExecServer.open(['v3.channel.k8s.io']);
    await expect(exec(server.session, place, ['true'])).rejects.toMatchObject({ code: expect.any(String) });
  });
});
