import { type AddressInfo, createServer, type Socket } from 'node:net';
import { readRequest, readRequestHead } from '../reference/request.js';
import { ofRequest, ofRequestHead } from './canonical.js';
import { okReply, type Reply } from './exchange-row.js';

export const canaryTarget = '/canary';
const canaryReply = 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\ncanary';

/** turns lets other sockets of this process read what was written. */
export async function turns(count = 3): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** ScriptedUpstream reads requests with the reference parser, records them, and answers by the script. */
export class ScriptedUpstream {
  readonly #server = createServer((socket) => this.#serve(socket));
  readonly #sockets = new Set<Socket>();
  #script: Reply[] = [];
  #cuts: readonly number[] = [];
  seen: string[] = [];

  static async start(): Promise<ScriptedUpstream> {
    const upstream = new ScriptedUpstream();
    await new Promise<void>((resolve) => upstream.#server.listen(0, '127.0.0.1', resolve));
    return upstream;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** begin forgets what was seen. @param cuts offsets at which every reply is cut into separate writes */
  begin(script: readonly Reply[], cuts: readonly number[] = []): void {
    this.#script = [...script];
    this.#cuts = cuts;
    this.seen = [];
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.setNoDelay(true);
    let pending: Buffer = Buffer.alloc(0);
    let tunnel: Reply['tunnel'];
    let answeredEarly = false;
    const read = (): void => {
      while (pending.length > 0 && !tunnel) {
        const request = readRequest(pending);
        if (request.verdict === 'refuse') {
          this.seen.push(`malformed: ${request.reason}`);
          return void socket.destroy();
        }
        if (request.verdict === 'incomplete') {
          const head = readRequestHead(pending);
          if (head.verdict !== 'accept' || answeredEarly || !this.#script[0]?.early) return;
          answeredEarly = true;
          this.seen.push(`${ofRequestHead(head.message)} | early`);
          void this.#answer(socket, this.#script.shift() as Reply);
          return;
        }
        pending = request.rest;
        if (answeredEarly) {
          answeredEarly = false;
          continue;
        }
        this.seen.push(ofRequest(request.message));
        const canary = request.message.target === canaryTarget;
        const reply = canary ? { bytes: canaryReply } : (this.#replyTo(request.message.target) ?? { bytes: okReply });
        tunnel = reply.tunnel;
        void this.#answer(socket, reply, canary);
      }
      if (!tunnel || pending.length < tunnel.expect.length) return;
      this.seen.push(`tunnel:${pending.toString('latin1')}`);
      pending = Buffer.alloc(0);
      socket.end(tunnel.answer, 'latin1');
    };
    socket.on('data', (chunk: Buffer) => {
      pending = Buffer.concat([pending, chunk]);
      read();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#sockets.delete(socket);
      if (pending.length === 0 || tunnel || answeredEarly) return;
      const head = readRequestHead(pending);
      this.seen.push(head.verdict === 'accept' ? `cut ${head.message.method} ${head.message.target}` : 'cut');
    });
  }

  /** Pipelined requests may come in any order: a reply can say whose it is. */
  #replyTo(target: string): Reply | undefined {
    const index = this.#script.findIndex(({ to }) => to === undefined || to === target);
    return index < 0 ? undefined : this.#script.splice(index, 1)[0];
  }

  async #answer(socket: Socket, reply: Reply, whole = false): Promise<void> {
    let from = 0;
    for (const cut of whole ? [] : this.#cuts.filter((offset) => offset < reply.bytes.length)) {
      socket.write(reply.bytes.slice(from, cut), 'latin1');
      from = cut;
      await turns();
    }
    if (reply.after === 'close') socket.end(reply.bytes.slice(from), 'latin1');
    else socket.write(reply.bytes.slice(from), 'latin1');
    if (reply.after !== 'reset') return;
    await turns();
    socket.resetAndDestroy();
  }

  close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}
