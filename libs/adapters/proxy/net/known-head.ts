import type { Again, RequestHead, Target } from '../exchange.js';

/** What a head says of its request; made once for heads that are known. */
export type RequestFacts = Pick<RequestHead, 'method' | 'target' | 'httpMinor'>;

/** What was found out of a head and its plan: enough to send the same request again without reading its head. */
export interface KnownHead<Tag> {
  /** The whole head, from its first byte to the end of its empty line. */
  readonly bytes: Buffer;
  /** The same, to be read by words. */
  readonly view: DataView;
  readonly hash: number;
  readonly request: RequestFacts;
  /** The client wants its connection closed afterwards. */
  readonly wantsClose: boolean;
  readonly again: Again<Tag>;
  /** What the beginning was written for. */
  readonly target: Target;
  readonly fields: Buffer | undefined;
  /** The head for the upstream, up to the fields that each request has of its own. */
  readonly beginning: Buffer;
  /** Since the last round. */
  used: boolean;
}
