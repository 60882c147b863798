import { Fault } from '@nm/kernel/fault';

/** A watch on quiet objects says nothing for long; TCP keep-alive finds a peer that is gone. */
export const openEndedIdleMs = 3_600_000;

/** bodyFault is set when content, announced or sent, is more than a plan allows. */
export const bodyFault = (bodyBytesMax: number | undefined, bytes: number): Fault | undefined =>
  bodyBytesMax !== undefined && bytes > bodyBytesMax
    ? new Fault('body_too_large', { extra: { bodyBytesMax } })
    : undefined;
