import type { KamafileReader, KamafileSpace } from '../resolve/ports.js';

export const emptySpace: KamafileSpace = {
  default_vars: {},
  vendor_injection_vars: {},
  user_injection_vars: {},
  user_vars: {},
  prefs: {},
  entries: {},
};

/** SpaceChange is what an action makes of a space. */
export interface SpaceChange {
  readonly space: string;
  readonly before: KamafileSpace;
  readonly after: KamafileSpace;
}

/** PendingKamafile shows the Kamafile as it will be: with the changes that an action has planned so far. Nothing is written. */
export class PendingKamafile implements KamafileReader {
  readonly #after = new Map<string, KamafileSpace>();
  readonly #before = new Map<string, KamafileSpace>();

  constructor(private readonly base: KamafileReader) {}

  async read(space: string): Promise<KamafileSpace | undefined> {
    return this.#after.get(space) ?? this.base.read(space);
  }

  async change(space: string, edit: (before: KamafileSpace) => KamafileSpace): Promise<void> {
    const before = (await this.read(space)) ?? emptySpace;
    if (!this.#before.has(space)) this.#before.set(space, before);
    this.#after.set(space, edit(before));
  }

  /** take gives the changes since it was last called. */
  take(): SpaceChange[] {
    const changes = [...this.#before].flatMap(([space, before]) => {
      const after = this.#after.get(space);
      return after ? [{ space, before, after }] : [];
    });
    this.#before.clear();
    return changes;
  }
}
