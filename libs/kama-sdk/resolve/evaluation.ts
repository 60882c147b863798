import { Fault } from '@nm/kernel/fault';
import type { Bundle } from '../descriptors/bundle.js';
import type { EvaluationParts, EvaluationView, Note } from './model-view.js';

const notesMax = 100;

/** Evaluation is everything that one request may see: one install, one moment, one budget. */
export class Evaluation implements EvaluationView {
  readonly notes: Note[] = [];
  readonly #once = new Map<string, Promise<unknown>>();

  constructor(readonly parts: EvaluationParts) {}

  get bundle(): Bundle {
    return this.parts.bundle;
  }

  once<T>(key: string, work: () => Promise<T>): Promise<T> {
    const known = this.#once.get(key);
    if (known) return known as Promise<T>;
    const begun = work();
    this.#once.set(key, begun);
    return begun;
  }

  /** forget drops what `once` remembers under a prefix, after it has changed. */
  forget(prefix: string): void {
    for (const key of this.#once.keys()) if (key.startsWith(prefix)) this.#once.delete(key);
  }

  note(descriptor: string, attribute: string | undefined, message: string): void {
    if (this.notes.length < notesMax) this.notes.push({ descriptor, attribute, message: message.slice(0, 500) });
  }

  need<K extends 'cluster' | 'http' | 'engine' | 'hub' | 'jq'>(port: K, who: string): NonNullable<EvaluationParts[K]> {
    const found = this.parts[port];
    if (!found)
      throw new Fault('descriptor_failed', { public: `"${who}" needs ${ports[port]}, and there is none here.` });
    return found;
  }
}

const ports = {
  cluster: 'a cluster',
  http: 'a way to the internet',
  engine: 'a templating engine',
  hub: 'the hub',
  jq: 'the jq engine',
} as const;
