import { Fault } from '@nm/kernel/fault';

/** What a frame says. `open` starts a stream, `window` lets the other side send more, `end` is the half-close, `reset` the abort; `hello` is for the tunnel. */
export const frameKinds = ['open', 'data', 'window', 'end', 'reset', 'hello'] as const;
export type FrameKind = (typeof frameKinds)[number];

export interface Frame {
  readonly kind: FrameKind;
  /** 0 for the tunnel itself. */
  readonly stream: number;
  readonly payload: Buffer;
}

const headBytes = 5;
/** A frame holds at most this much payload, so that streams take turns. */
export const payloadBytesMax = 32 * 1024;
/** Room for a hello, which holds certificates. */
const frameBytesMax = headBytes + 256 * 1024;

/** encodeFrame writes kind (1) · stream (4, big endian) · payload; the message around it bounds it. */
export function encodeFrame(kind: FrameKind, stream: number, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(headBytes);
  head.writeUInt8(frameKinds.indexOf(kind), 0);
  head.writeUInt32BE(stream, 1);
  return Buffer.concat([head, payload]);
}

/** decodeFrame @throws Fault bad_request for what is no frame */
export function decodeFrame(message: Buffer): Frame {
  const kind = frameKinds[message[0] ?? frameKinds.length];
  if (kind === undefined || message.length < headBytes || message.length > frameBytesMax)
    throw new Fault('bad_request', { internal: 'not a frame of a tunnel' });
  const payload = message.subarray(headBytes);
  if (kind === 'window' && payload.length !== 4) throw new Fault('bad_request', { internal: 'not a window frame' });
  return { kind, stream: message.readUInt32BE(1), payload };
}
