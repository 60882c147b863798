import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { Wire, Wiring } from './wire.js';

/** More than a kernel takes at once. */
const trialBytes = 8 * 1024 * 1024;

/** carries tries a wiring out on a connection to ourselves: what is sent has to come back, the same, and be known to be sent. @param withinMs what takes longer does not carry */
export async function carries(wiring: Wiring, withinMs: number): Promise<boolean> {
  const server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true });
  const sockets: Socket[] = [];
  const opened = (wire: Wire): Wire => {
    sockets.push(wire.socket.on('error', () => undefined));
    return wire;
  };
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<boolean>((resolve, reject) => {
      timer = setTimeout(resolve, withinMs, false);
      server.once('error', reject);
      server.once('connection', (socket) => echo(opened(wiring.accept(socket))));
      server.listen(0, '127.0.0.1', () => {
        const wire = opened(wiring.dial('127.0.0.1', (server.address() as AddressInfo).port));
        wire.socket.once('connect', () => void ask(wire).then(resolve, reject));
      });
    });
  } finally {
    clearTimeout(timer);
    for (const socket of sockets) socket.destroy();
    server.close();
  }
}

function echo(wire: Wire): void {
  wire.reader = { receive: (bytes, from, to) => void wire.write(Buffer.from(bytes.subarray(from, to))) };
}

/** A few bytes first, which the kernel takes at once. */
async function ask(wire: Wire): Promise<boolean> {
  for (const length of [3, trialBytes]) {
    const sent = Buffer.alloc(length, 'every byte counts');
    if (!(await comesBack(wire, sent)) || wire.writableLength > 0) return false;
  }
  return true;
}

function comesBack(wire: Wire, sent: Buffer): Promise<boolean> {
  return new Promise((resolve) => {
    let at = 0;
    wire.reader = {
      receive: (bytes, from, to) => {
        const end = at + to - from;
        const same = end <= sent.length && bytes.compare(sent, at, end, from, to) === 0;
        at = end;
        if (!same || at === sent.length) resolve(same);
      },
    };
    wire.write(sent);
  });
}
