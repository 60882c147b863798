import type { Socket } from 'node:net';
import type { EngineTimeouts, OpenExchange, Policy } from '../exchange.js';
import type { TrustedPeers } from '../trusted-peers.js';
import type { KnownHeads } from './known-heads.js';
import type { LoadLimit } from './load-limit.js';
import { MessageHead } from './message-head.js';
import type { OpenList } from './open-list.js';
import type { OutBuffer } from './out-buffer.js';
import type { UpstreamPools } from './upstream-pools.js';

/** Something with a deadline, which the engine's one tick looks at. */
interface Timed {
  tick(nowMs: number): void;
}

/** A client's connection, as the engine sees it. */
export interface ClientHandle extends Timed {
  readonly socket: Socket;
  /** A connection that is idle ends soon (drain). */
  goSoon(): void;
}

/** NetContext is what the connections and exchanges of one engine share. */
export interface NetContext<Tag> {
  readonly policy: Policy<Tag>;
  readonly upstreams: UpstreamPools;
  readonly timeouts: EngineTimeouts;
  readonly headMs: number;
  /** Our name in `Via`. */
  readonly pseudonym: string;
  readonly trusted: TrustedPeers;
  /** Connections of trusted peers begin with a PROXY header. */
  readonly proxyProtocol: boolean;
  readonly load: LoadLimit;
  readonly open: OpenList<OpenExchange<Tag> & Timed & { place: number }>;
  readonly clients: Set<ClientHandle>;
  /** Empty between two events: whoever fills it sends it before anybody else can run. */
  readonly out: OutBuffer;
  readonly heads: HeadStock;
  /** Undefined where who sent a request follows from its fields. */
  readonly known: KnownHeads<Tag> | undefined;
  /** Milliseconds of a clock that never jumps, as of the last tick. */
  nowMs: number;
  /** Every answer closes its connection (drain). */
  closing: boolean;
}

/** HeadStock lends heads to requests on their way, so that an idle connection holds none. */
export class HeadStock {
  readonly #free: MessageHead[] = [];

  take(): MessageHead {
    return this.#free.pop() ?? new MessageHead();
  }

  give(head: MessageHead): void {
    if (this.#free.length < 64) this.#free.push(head);
  }
}
