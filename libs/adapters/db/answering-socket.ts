import { Socket } from 'node:net';

/** Above the time that the server gives a statement: whoever is silent for longer does not think, but is gone. */
export const silenceMsMax = 12_000;
const looks = 4;

/**
 * answeringSocket is the socket of a connection to PostgreSQL, which breaks when nothing has moved on it for `silenceMs`. A server that is cut off is
 * noticed by TCP; one that hangs, or packets that vanish, are not for a quarter of an hour, and every query on the connection would wait as long.
 */
export function answeringSocket(silenceMs: number): Socket {
  const socket = new Socket();
  const lookMs = Math.ceil(silenceMs / looks);
  let moved = 0;
  let quietLooks = 0;
  // Under TLS the socket's own timer does not see what moves; its counters do.
  const look = (): void => {
    const bytes = socket.bytesRead + socket.bytesWritten;
    quietLooks = bytes === moved ? quietLooks + 1 : 0;
    moved = bytes;
    if (quietLooks >= looks) socket.destroy(silent(silenceMs));
    else socket.setTimeout(lookMs);
  };
  return socket.on('timeout', look).setTimeout(lookMs);
}

const silent = (silenceMs: number): Error =>
  Object.assign(new Error(`PostgreSQL has not answered for ${silenceMs} ms`), { code: 'ETIMEDOUT' });
