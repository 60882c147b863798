import type { WebSocket } from 'ws';
import { Mux, type MuxOptions } from './mux.js';

/** Both sides ask for a sign of life so often; two without an answer, and the tunnel is gone. Milliseconds. */
const pingMs = 10_000;
/** The other side has so long to say goodbye too. Milliseconds. */
const goodbyeMs = 2_000;
/** Of the codes that are free for applications (RFC 6455 §7.4.2). */
const closeCode = 4_000;
/** Bytes of a close frame's reason at most (RFC 6455 §5.5). */
const reasonBytesMax = 123;

export interface SocketMuxOptions extends Omit<MuxOptions, 'carrier'> {
  readonly onClose: (reason: string) => void;
  readonly pingMs?: number;
}

/** muxOverWebSocket joins an open WebSocket and a mux, and ends both together; silence ends them too. */
export function muxOverWebSocket(socket: WebSocket, options: SocketMuxOptions): Mux {
  const mux = new Mux({
    ...options,
    carrier: {
      send: (message) =>
        new Promise((resolve, reject) => {
          if (socket.readyState !== socket.OPEN) return reject(new Error('the WebSocket is not open'));
          socket.send(message, (error) => (error ? reject(error) : resolve()));
        }),
      close: (reason) => {
        if (socket.readyState !== socket.OPEN) return socket.terminate();
        socket.close(closeCode, reason.replace(/[^ -~]/g, '?').slice(0, reasonBytesMax));
        setTimeout(() => socket.terminate(), goodbyeMs).unref();
      },
    },
  });
  let unanswered = 0;
  const ping = setInterval(() => {
    if (unanswered++ >= 2) return socket.terminate();
    if (socket.readyState === socket.OPEN) socket.ping();
  }, options.pingMs ?? pingMs);
  socket.on('pong', () => {
    unanswered = 0;
  });
  socket.on('message', (data, isBinary) => {
    if (isBinary && Buffer.isBuffer(data)) mux.receive(data);
    else mux.close('the other side does not speak our protocol');
  });
  // An error is always followed by a close.
  socket.on('error', () => undefined);
  socket.on('close', (code, reason) => {
    clearInterval(ping);
    mux.close('the tunnel broke');
    options.onClose(reason.toString('utf8').slice(0, 200) || `closed with ${code}`);
  });
  return mux;
}
