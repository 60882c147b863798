/** Something that knows its place in a list; -1 when it is in none. */
interface Placed {
  place: number;
}

/** OpenList is a set whose members know where they are: entering and leaving costs a few stores. The order means nothing. */
export class OpenList<T extends Placed> {
  readonly #members: T[] = [];

  get size(): number {
    return this.#members.length;
  }

  add(member: T): void {
    member.place = this.#members.length;
    this.#members.push(member);
  }

  delete(member: T): void {
    const { place } = member;
    if (place < 0) return;
    member.place = -1;
    const last = this.#members.pop() as T;
    if (last === member) return;
    last.place = place;
    this.#members[place] = last;
  }

  /** From the end, so that members may come and go meanwhile: each that stays is met at least once. */
  *[Symbol.iterator](): IterableIterator<T> {
    for (let i = this.#members.length - 1; i >= 0; i--) {
      const member = this.#members[i];
      if (member !== undefined) yield member;
    }
  }
}
