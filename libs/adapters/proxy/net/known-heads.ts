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
  /** Words of the memory that was looked at last, which is nearly always the same. */
  #view = viewOf(Buffer.alloc(0));
  #viewed: Buffer | undefined;

  /** find looks for a head that fills the range, and no more. */
  find(bytes: Buffer, from: number, to: number): KnownHead<Tag> | undefined {
    this.wanted = false;
    if (to - from > headBytesMax) return undefined;
    if (bytes !== this.#viewed) {
      this.#viewed = bytes;
      this.#view = viewOf(bytes);
    }
    const view = this.#view;
    const hash = hashOf(view, from, to, this.#seed);
    const slot = hash & (slotsCount - 1);
    const first = this.#slots[slot];
    const known = first !== undefined && first.hash === hash ? first : this.#slots[slot ^ 1];
    if (known !== undefined && known.hash === hash && same(known.view, view, from, to)) {
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
    const view = viewOf(bytes);
    const hash = hashOf(view, 0, bytes.length, this.#seed);
    const slot = hash & (slotsCount - 1);
    const { method, httpMinor, wantsClose } = request;
    const known = {
      ...{ bytes, view, hash, wantsClose, again, target, fields },
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

const viewOf = ({ buffer, byteOffset, byteLength }: Buffer): DataView => new DataView(buffer, byteOffset, byteLength);

/** Four bytes a step. */
function hashOf(view: DataView, from: number, to: number, seed: number): number {
  let hash = seed ^ (to - from);
  let at = from;
  for (; at + 4 <= to; at += 4) {
    hash = Math.imul(hash ^ view.getInt32(at, true), 0x5bd1e995);
    hash ^= hash >>> 15;
  }
  for (; at < to; at++) hash = Math.imul(hash ^ view.getUint8(at), 0x5bd1e995);
  return hash ^ (hash >>> 13);
}

/** Of two heads with one seeded hash; a credential cannot be found out by its time, because a guess does not get here. */
function same(known: DataView, view: DataView, from: number, to: number): boolean {
  const { byteLength } = known;
  if (byteLength !== to - from) return false;
  let at = 0;
  for (; at + 4 <= byteLength; at += 4) if (known.getInt32(at) !== view.getInt32(from + at)) return false;
  for (; at < byteLength; at++) if (known.getUint8(at) !== view.getUint8(from + at)) return false;
  return true;
}
