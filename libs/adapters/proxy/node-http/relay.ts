import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** Finds a peer that vanished without a word. */
const keepAliveProbeMs = 30_000;

/** relay carries bytes one way with backpressure; an end is passed on, silence for `idleMs` destroys the sender. */
export function relay(from: Duplex, to: Duplex, idleMs: number, onBytes: (chunk: Buffer) => void): void {
  if (from instanceof Socket) {
    from.setTimeout(idleMs, () => from.destroy());
    from.setKeepAlive(true, keepAliveProbeMs);
    from.setNoDelay(true);
    // An end in one direction ends that direction only.
    from.allowHalfOpen = true;
  }
  from.on('data', (chunk: Buffer) => {
    onBytes(chunk);
    if (!to.write(chunk)) from.pause();
  });
  to.on('drain', () => from.resume());
  from.once('end', () => to.end());
  from.resume();
}
