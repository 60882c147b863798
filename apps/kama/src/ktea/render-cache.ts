import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';

/** A text that was rendered, and whether it was there already. */
export interface Rendered {
  readonly text: string;
  readonly cached: boolean;
}

/**
 * RenderCache keeps what an engine of a fixed version gave, by the hash of what it was asked. Of equal questions at the same time, one is put to the
 * engine. Failures are not kept.
 */
export class RenderCache {
  readonly #kept: LRUCache<string, string>;
  readonly #running = new Map<string, Promise<string>>();

  /** @param charsMax of everything that is kept; 0 keeps nothing */
  constructor(charsMax: number) {
    this.#kept = new LRUCache({ maxSize: Math.max(1, charsMax), sizeCalculation: (text) => text.length + 1 });
  }

  async of(question: unknown, render: () => Promise<string>): Promise<Rendered> {
    const key = createHash('sha256').update(canonical(question)).digest('base64');
    const kept = this.#kept.get(key);
    if (kept !== undefined) return { text: kept, cached: true };
    const running = this.#running.get(key);
    if (running) return { text: await running, cached: true };
    const rendering = render();
    this.#running.set(key, rendering);
    try {
      const text = await rendering;
      this.#kept.set(key, text);
      return { text, cached: false };
    } finally {
      this.#running.delete(key);
    }
  }
}

/** canonical is JSON with members in the order of their names: equal values have equal texts. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, each: unknown) =>
    typeof each === 'object' && each !== null && !Array.isArray(each)
      ? Object.fromEntries(Object.entries(each).sort(([left], [right]) => (left < right ? -1 : 1)))
      : each,
  );
}
