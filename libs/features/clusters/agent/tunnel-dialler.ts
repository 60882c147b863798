import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Db } from '@nm/adapters/db';
import type { Vault } from '@nm/adapters/vault';
import { Fault } from '@nm/kernel/fault';
import type { Clock } from '@nm/kernel/time';
import { forwardPass, forwardPath, forwardProtocol } from './forward-pass.js';
import { ownersOf } from './tunnel-rows.js';

interface DialDeps {
  readonly db: Db;
  readonly vault: Vault;
  readonly clock: Clock;
}

/** From the first byte to the owner until its answer. Milliseconds. */
const answerMs = 5_000;
const answerBytesMax = 4_096;
const roundsMax = 2;

/**
 * dialTunnel opens a way to the API server of a private cluster: it asks the processes that hold a tunnel of its agents, one after the other.
 * Every process dials like this, the owner itself too: one way to be right.
 * @throws Fault cluster_unreachable
 */
export async function dialTunnel(deps: DialDeps, clusterId: string): Promise<Duplex> {
  let failure: unknown;
  // The rows may be a moment behind when an agent has just changed from one process to another.
  for (let round = 0; round < roundsMax; round++) {
    const owners = await ownersOf(deps, clusterId);
    for (const owner of owners) {
      try {
        return await openForward(owner, clusterId, forwardPass(deps.vault, clusterId, deps.clock.nowMs()));
      } catch (error) {
        failure = error;
      }
    }
    if (owners.length === 0) break;
  }
  throw new Fault('cluster_unreachable', {
    public: 'No agent of this cluster is connected.',
    extra: { reason: 'no_agent' },
    ...(failure === undefined ? {} : { cause: failure }),
  });
}

/** openForward asks one process for a stream (HTTP/1.1 Upgrade); what follows its answer is the stream. */
function openForward(owner: string, clusterId: string, pass: string): Promise<Socket> {
  const { hostname, port, host } = new URL(owner);
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: hostname.replace(/^\[(.*)\]$/, '$1'),
      port: Number(port),
      noDelay: true,
      keepAlive: true,
    });
    let head = Buffer.alloc(0);
    const fail = (why: string): void => {
      socket.destroy();
      reject(Object.assign(new Error(`${owner}: ${why}`), { code: 'ECONNRESET' }));
    };
    const onError = (error: Error): void => fail(error.message);
    const onClose = (): void => fail('closed');
    const onData = (chunk: Buffer): void => {
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf('\r\n\r\n');
      if (end < 0) {
        if (head.length > answerBytesMax) fail('no answer to speak of');
        return;
      }
      if (!head.toString('latin1', 0, 13).startsWith('HTTP/1.1 101 ')) {
        fail(head.toString('latin1', 9, 12));
        return;
      }
      socket.setTimeout(0);
      socket.off('data', onData).off('error', onError).off('close', onClose).off('timeout', onTimeout);
      socket.on('error', () => undefined);
      socket.pause();
      if (head.length > end + 4) socket.unshift(head.subarray(end + 4));
      resolve(socket);
    };
    const onTimeout = (): void => fail('no answer');
    socket.setTimeout(answerMs).on('timeout', onTimeout).on('error', onError).on('close', onClose).on('data', onData);
    socket.write(
      `GET ${forwardPath}${encodeURIComponent(clusterId)} HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: ${forwardProtocol}\r\nAuthorization: Bearer ${pass}\r\n\r\n`,
    );
  });
}
