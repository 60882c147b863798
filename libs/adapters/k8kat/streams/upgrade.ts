import type { IncomingMessage } from 'node:http';
import type { createConnection, Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { WebSocket } from 'ws';
import { faultOfStatus, type KubeStatus } from '../transport/kube-faults.js';

/** UpgradeRequest is one WebSocket handshake with the API server. */
export interface UpgradeRequest {
  /** With path and query. */
  readonly url: URL;
  /** Preferred first; the server takes one. */
  readonly protocols: readonly string[];
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  /** Opens the connection that the handshake runs on. */
  readonly dial: (url: URL) => Promise<Socket>;
  readonly signal?: AbortSignal | undefined;
  readonly handshakeTimeoutMs: number;
  /** See `UpgradeOptions`. */
  readonly beforeSend?: (() => void) | undefined;
}

const messageBytesMax = 64 * 1024 * 1024;
const refusalBytesMax = 64 * 1024;

/**
 * openWebSocket makes the handshake (RFC 6455 §4) over a connection that the caller dialled, so a stream goes to the very address and with
 * the very identity that every other request has. @throws Fault by the status of a refused handshake; what `dial` throws; the signal's reason
 */
export function openWebSocket(request: UpgradeRequest): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    if (request.signal?.aborted) return reject(request.signal.reason as Error);
    const socket = new WebSocket(request.url.href.replace(/^http/, 'ws'), [...request.protocols], {
      headers: { ...request.headers, 'user-agent': 'nmachine' } as Record<string, string>,
      handshakeTimeout: request.handshakeTimeoutMs,
      perMessageDeflate: false,
      maxPayload: messageBytesMax,
      createConnection: connectionBy(request),
    });
    const onAbort = () => fail(request.signal?.reason as Error);
    const settled = () => request.signal?.removeEventListener('abort', onAbort);
    const fail = (error: unknown) => {
      settled();
      // The handshake's own "closed before it was established" follows, which nobody needs.
      socket.on('error', () => undefined);
      socket.terminate();
      reject(error as Error);
    };
    request.signal?.addEventListener('abort', onAbort, { once: true });
    socket.once('error', fail);
    socket.once('unexpected-response', (_, reply) => void refusalOf(reply).then(fail, fail));
    socket.once('open', () => {
      settled();
      socket.off('error', fail);
      // Whoever uses the socket hears of the end by `close`; an error without a listener would end the process.
      socket.on('error', () => undefined);
      // Nothing may arrive before whoever asked for the socket listens.
      socket.pause();
      resolve(socket);
    });
  });
}

/** node:http takes a connection that comes later through a callback, which the types of `ws` do not know. */
function connectionBy(request: UpgradeRequest): typeof createConnection {
  const connect = (_: unknown, callback: (error: Error | null, socket?: Socket) => void): undefined => {
    void request.dial(request.url).then(
      (socket) => {
        try {
          request.beforeSend?.();
        } catch (error) {
          socket.destroy();
          return callback(error as Error);
        }
        callback(null, socket);
      },
      (error: unknown) => callback(error as Error),
    );
  };
  return connect as unknown as typeof createConnection;
}

async function refusalOf(reply: IncomingMessage): Promise<unknown> {
  const said = (await text(limited(reply))).slice(0, refusalBytesMax);
  return faultOfStatus(reply.statusCode ?? 0, parse(said));
}

async function* limited(reply: IncomingMessage): AsyncGenerator<Buffer> {
  let bytes = 0;
  for await (const chunk of reply as AsyncIterable<Buffer>) {
    yield chunk;
    bytes += chunk.length;
    if (bytes > refusalBytesMax) return;
  }
}

function parse(said: string): KubeStatus {
  try {
    return JSON.parse(said) as KubeStatus;
  } catch {
    return { message: said.slice(0, 500) };
  }
}
