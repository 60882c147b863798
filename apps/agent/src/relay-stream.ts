import { connect } from 'node:net';
import type { MuxStream } from '@nm/adapters/tunnel';

/** Milliseconds. */
const dialMs = 5_000;

/**
 * relayStream joins a stream of the tunnel and the cluster's API server, the one address that an agent dials. What passes is TLS between NMachine and that
 * server: an agent sees neither requests nor credentials.
 */
export function relayStream(
  stream: MuxStream,
  apiServer: { readonly host: string; readonly port: number },
  onRefused: (error: Error) => void,
): void {
  const socket = connect({ ...apiServer, noDelay: true, keepAlive: true, allowHalfOpen: true });
  socket.setTimeout(dialMs, () => socket.destroy(new Error('the API server does not answer')));
  let connected = false;
  socket.once('connect', () => {
    connected = true;
    socket.setTimeout(0);
  });
  socket
    .once('error', (error) => {
      if (!connected) onRefused(error);
      stream.destroy(error);
    })
    .once('close', (hadError) => {
      if (!hadError && !stream.writableEnded) stream.end();
    });
  stream
    .once('error', () => socket.destroy())
    .once('close', () => {
      if (stream.errored) socket.destroy();
      else socket.end();
    });
  stream.pipe(socket);
  socket.pipe(stream);
}
