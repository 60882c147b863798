import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { Refusal, readJson, serve } from '../serve.js';

export interface Entry {
  readonly at: string;
  readonly text: string;
}

/** Store keeps the newest entries in memory, and in a file that it reads when it starts. */
export class Store {
  readonly #file: string;
  readonly #entriesMax: number;
  #entries: Entry[] = [];
  #writing: Promise<void> = Promise.resolve();

  constructor(file: string, entriesMax: number) {
    this.#file = file;
    this.#entriesMax = entriesMax;
  }

  async load(): Promise<void> {
    const text = await readFile(this.#file, 'utf8').catch(() => '');
    const entries = text.split('\n').flatMap((line) => {
      try {
        return [JSON.parse(line) as Entry];
      } catch {
        // The last line of a store that was killed while it wrote.
        return [];
      }
    });
    this.#entries = entries.slice(-this.#entriesMax);
    await writeFile(this.#file, this.#entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
  }

  list(): readonly Entry[] {
    return this.#entries;
  }

  /** add resolves when the entry is in the file. */
  add(text: string): Promise<void> {
    const entry = { at: new Date().toISOString(), text };
    this.#entries = [...this.#entries, entry].slice(-this.#entriesMax);
    this.#writing = this.#writing.then(() => appendFile(this.#file, `${JSON.stringify(entry)}\n`));
    return this.#writing;
  }
}

/** startStore serves the entries to the page. */
export function startStore(): void {
  const store = new Store(
    process.env['STORE_FILE'] ?? '/tmp/entries.jsonl',
    Number(process.env['ENTRIES_MAX'] ?? 1000),
  );
  const loaded = store.load();
  serve('guestbook store', 8081, async (request, url) => {
    await loaded;
    if (url.pathname === '/healthz') return { body: { status: 'ok' } };
    if (url.pathname !== '/entries') throw new Refusal(404, 'not_found', 'There is no such route.');
    if (request.method === 'GET') return { body: { data: store.list() } };
    const { text } = await readJson(request);
    if (typeof text !== 'string' || text.trim() === '' || text.length > 1000)
      throw new Refusal(400, 'invalid_entry', 'An entry is a text of 1 to 1000 characters.');
    await store.add(text.trim());
    return { status: 201, body: { data: { text: text.trim() } } };
  });
}
