import { Fault } from '@nm/kernel/fault';
import { LRUCache } from 'lru-cache';
import type { DocumentStore, Remembered } from '../installs/operation-states.js';

const documentsKept = 500;

/** MemoryDocuments remembers what a KAMA in a process of its own knows between requests, for as long as the process lives. */
export class MemoryDocuments implements DocumentStore {
  readonly #kept = new LRUCache<string, Remembered>({ max: documentsKept });

  read(name: string): Promise<Remembered> {
    const found = this.#kept.get(name);
    return found ? Promise.resolve(structuredClone(found)) : Promise.reject(new Fault('not_found'));
  }

  write(name: string, value: Readonly<Record<string, unknown>>, revision?: number): Promise<void> {
    const now = this.#kept.get(name)?.revision ?? 0;
    if (revision !== undefined && revision !== now)
      return Promise.reject(new Fault('conflict', { public: 'Somebody else has written it since. Read it again.' }));
    this.#kept.set(name, { revision: now + 1, value: structuredClone({ ...value }) });
    return Promise.resolve();
  }
}
