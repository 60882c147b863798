import { randomKeyBytes } from '@nm/kernel/ids';
import type { Plan } from '../exchange.js';
import type { KnownHead, RequestFacts } from './known-head.js';
import type { MessageHead } from './message-head.js';

/** Heads that are remembered at most, each of one slot. */
const slotsCount = 8_192;
/** With ten ticks a second all slots are looked at in three and a half minutes. */
const slotsEachTick = 4;
/** Longer ones are seldom sent twice alike, and cost memory. */
const headBytesMax = 1_536;

/** What is kept of a request. */
interface Noted extends RequestFacts {
  readonly wantsClose: boolean;
}

/**
 * KnownHeads finds requests whose head is, byte for byte, one that was let in before, as callers mostly send the same again: nothing of it is parsed, looked up or copied piece by piece anew. Whether the same may be
 * done for it is asked of the policy each time (`Again.open`). The hash is seeded, so that a slot is hard to aim at from outside; whoever does gets nothing, since bytes are compared. Two slots may hold a
 * head, and a newer one takes the place of an older.
 */
export class KnownHeads<Tag> {
  readonly #slots: (KnownHead<Tag> | undefined)[] = Array.from({ length: slotsCount });
  /** Hashes of heads that came lately: only one that comes twice is worth remembering. */
  readonly #lately = new Int32Array(slotsCount);
  readonly #seed = randomKeyBytes(4).readInt32LE();
  /** The head that was not found last came lately. */
  wanted = false;
  #round = 0;

  /** find looks for a head that fills the range, and no more. */
  find(bytes: Buffer, from: number, to: number): KnownHead<Tag> | undefined {
    this.wanted = false;
    if (to - from > headBytesMax) return undefined;
    const hash = hashOf(bytes, from, to, this.#seed);
    const slot = hash & (slotsCount - 1);
    const first = this.#slots[slot];
    const known = first !== undefined && first.hash === hash ? first : this.#slots[slot ^ 1];
    if (known !== undefined && known.hash === hash && same(known.bytes, bytes, from, to)) {
      known.used = true;
      return known;
    }
    this.wanted = this.#lately[slot] === hash;
    this.#lately[slot] = hash;
    return undefined;
  }

  /** note remembers a head that was sent on. @param beginning of what was sent; it is copied */
  note(head: MessageHead, request: Noted, plan: Plan<Tag>, beginning: Buffer): void {
    const { again, target, requestFields: fields } = plan;
    const { start, end } = head;
    if (again === undefined || head.chunked || head.contentLength > 0 || head.expectsContinue || head.switches) return;
    const bytes = copyOf(head.bytes.subarray(start, end));
    const hash = hashOf(bytes, 0, bytes.length, this.#seed);
    const slot = hash & (slotsCount - 1);
    const { method, httpMinor, wantsClose } = request;
    const known = {
      ...{ bytes, hash, wantsClose, again, target, fields },
      request: { method, target: request.target, httpMinor },
      beginning: copyOf(beginning),
      used: true,
    };
    const first = this.#slots[slot];
    // Into the second slot when another holds the first, unless it is an older plan for the same.
    this.#slots[first === undefined || first.hash === hash ? slot : slot ^ 1] = known;
  }

  /** tick looks at a few slots, and empties those whose head was not used since it looked there before: heads hold credentials. */
  tick(): void {
    for (let i = 0; i < slotsEachTick; i++) {
      const at = this.#round;
      this.#round = (at + 1) & (slotsCount - 1);
      const known = this.#slots[at];
      if (known === undefined) continue;
      if (known.used) known.used = false;
      else this.#slots[at] = undefined;
    }
  }

  /** forget drops a head for which the same may not be done any more. */
  forget({ hash }: KnownHead<Tag>): void {
    const slot = hash & (slotsCount - 1);
    for (const at of [slot, slot ^ 1]) if (this.#slots[at]?.hash === hash) this.#slots[at] = undefined;
  }
}

/** Not from Node's pool, a piece of which would keep the whole. */
function copyOf(bytes: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  bytes.copy(copy);
  return copy;
}

/** Four bytes a step. */
function hashOf(bytes: Uint8Array, from: number, to: number, seed: number): number {
  let hash = seed ^ (to - from);
  let at = from;
  for (; at + 4 <= to; at += 4) {
    const word =
      (bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24);
    hash = Math.imul(hash ^ word, 0x5bd1e995);
    hash ^= hash >>> 15;
  }
  for (; at < to; at++) hash = Math.imul(hash ^ (bytes[at] as number), 0x5bd1e995);
  return hash ^ (hash >>> 13);
}

/** Of two heads with one seeded hash; a credential cannot be found out by its time, because a guess does not get here. */
const same = (known: Buffer, bytes: Buffer, from: number, to: number): boolean =>
  known.length === to - from && bytes.compare(known, 0, known.length, from, to) === 0;
