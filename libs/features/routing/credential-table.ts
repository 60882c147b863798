interface Slot<V> {
  readonly text: string;
  readonly value: V;
}

/** Enough of a credential to tell it from others: its end, which is random in each kind. */
const hashedCharsMax = 48;

/**
 * CredentialTable finds what is known of a presented text in constant time and without cryptography. The hash is seeded, so nobody outside can aim
 * at a slot; of two texts with one hash the newer is kept; the text itself is compared in a time that does not depend on where it differs. What was
 * not used for a whole generation is forgotten, so it never holds more than `max`.
 */
export class CredentialTable<V> {
  readonly #max: number;
  readonly #seed: number;
  #young = new Map<number, Slot<V>>();
  #old = new Map<number, Slot<V>>();

  constructor(max: number, seed: number) {
    this.#max = max;
    this.#seed = seed;
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }

  get(text: string): V | undefined {
    const key = this.#hash(text);
    const young = this.#young.get(key);
    if (young !== undefined && sameText(young.text, text)) return young.value;
    const old = this.#old.get(key);
    if (old === undefined || !sameText(old.text, text)) return undefined;
    this.#old.delete(key);
    this.#put(key, old);
    return old.value;
  }

  set(text: string, value: V): void {
    const key = this.#hash(text);
    this.#old.delete(key);
    // A copy: a part of a string keeps the whole of it, and is slower to compare with.
    this.#put(key, { text: Buffer.from(text, 'latin1').toString('latin1'), value });
  }

  delete(text: string): void {
    const key = this.#hash(text);
    if (this.#young.get(key)?.text === text) this.#young.delete(key);
    if (this.#old.get(key)?.text === text) this.#old.delete(key);
  }

  clear(): void {
    this.#young.clear();
    this.#old.clear();
  }

  #put(key: number, slot: Slot<V>): void {
    if (this.#young.size >= this.#max / 2) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, slot);
  }

  #hash(text: string): number {
    let hash = this.#seed ^ text.length;
    for (let i = Math.max(0, text.length - hashedCharsMax); i < text.length; i++) {
      hash = Math.imul(hash ^ text.charCodeAt(i), 0x5bd1e995);
      hash ^= hash >>> 15;
    }
    return hash;
  }
}

function sameText(a: string, b: string): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= a.charCodeAt(i) ^ b.charCodeAt(i);
  return difference === 0;
}
