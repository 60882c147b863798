import type { Dict } from '../values/dict.js';
import type { Place } from './finding.js';

export interface Origin {
  readonly place: Place;
  readonly members: Map<string | number, Place>;
}

/**
 * SourceMap remembers where each object and list of a bundle was written. What it knows is text of a descriptor; what it doesn't know is data, and data
 * is never interpreted: a value that a user typed cannot become a reference.
 */
export class SourceMap {
  readonly #origins = new WeakMap<object, Origin>();

  add(container: object, place: Place): void {
    this.#origins.set(container, { place, members: new Map() });
  }

  addMember(container: object, key: string | number, place: Place): void {
    this.#origins.get(container)?.members.set(key, place);
  }

  /** isDescriptor tells text of the bundle from data. */
  isDescriptor(container: unknown): boolean {
    return typeof container === 'object' && container !== null && this.#origins.has(container);
  }

  placeOf(container: object, key?: string | number): Place | undefined {
    const origin = this.#origins.get(container);
    return (key === undefined ? undefined : origin?.members.get(key)) ?? origin?.place;
  }

  /** originsWithin lists what is known of a value and whatever it holds, each container once. */
  originsWithin(values: readonly unknown[]): [object, Origin][] {
    const found = new Map<object, Origin>();
    const seen = new Set<object>();
    const waiting = [...values];
    while (waiting.length > 0) {
      const value = waiting.pop();
      if (typeof value !== 'object' || value === null || seen.has(value)) continue;
      seen.add(value);
      const origin = this.#origins.get(value);
      if (origin) found.set(value, origin);
      for (const each of Object.values(value)) if (typeof each === 'object' && each !== null) waiting.push(each);
    }
    return [...found];
  }

  /** restore takes what `originsWithin` gave, in another thread. */
  restore(origins: readonly (readonly [object, Origin])[]): void {
    for (const [container, origin] of origins) this.#origins.set(container, origin);
  }

  /** joined records a merge of two objects: its members are where the winning one wrote them. */
  readonly joined = (merged: Dict, base: Dict, over: Dict): void => {
    const [lower, upper] = [this.#origins.get(base), this.#origins.get(over)];
    const place = upper?.place ?? lower?.place;
    if (!place) return;
    const members = new Map([...(lower?.members ?? []), ...(upper?.members ?? [])]);
    this.#origins.set(merged, { place, members });
  };
}
