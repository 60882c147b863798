import type { Dict } from '../values/dict.js';
import type { Place } from './finding.js';

interface Origin {
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

  /** joined records a merge of two objects: its members are where the winning one wrote them. */
  readonly joined = (merged: Dict, base: Dict, over: Dict): void => {
    const [lower, upper] = [this.#origins.get(base), this.#origins.get(over)];
    const place = upper?.place ?? lower?.place;
    if (!place) return;
    const members = new Map([...(lower?.members ?? []), ...(upper?.members ?? [])]);
    this.#origins.set(merged, { place, members });
  };
}
