import { constants } from 'node:fs';
import { lstat, mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { Fault } from '@nm/kernel/fault';
import type { Header } from 'tar-stream';

export interface CopyLimits {
  readonly bytesMax: number;
  readonly filesMax: number;
}

/** CopyReport says what was copied, and what was left out and why. */
export interface CopyReport {
  readonly files: number;
  readonly bytes: number;
  readonly skipped: readonly { readonly path: string; readonly why: string }[];
}

/** The content of an entry, which must be read before the next entry comes. */
interface EntryBody extends AsyncIterable<unknown> {
  resume(): unknown;
}

/** TreeWriter writes the entries of an archive that nobody vouches for under one folder. */
export class TreeWriter {
  readonly #root: string;
  readonly #limits: CopyLimits;
  readonly #skipped: { path: string; why: string }[] = [];
  readonly #checked = new Set<string>();
  #files = 0;
  #bytes = 0;
  #entries = 0;

  constructor(root: string, limits: CopyLimits) {
    this.#root = root;
    this.#limits = limits;
  }

  report(): CopyReport {
    return { files: this.#files, bytes: this.#bytes, skipped: this.#skipped };
  }

  /** take writes one entry. The body is read to its end in any case. @throws Fault kube_api when a limit is passed */
  async take(header: Pick<Header, 'name' | 'type' | 'mode' | 'size'>, body: EntryBody): Promise<void> {
    if (++this.#entries > this.#limits.filesMax) throw tooMuch(`${this.#limits.filesMax} files`);
    const parts = safeParts(header.name);
    if (!parts) return this.#skip(header.name, 'leaves the folder', body);
    if (header.type === 'directory') {
      body.resume();
      if (!(await this.#folder(parts))) this.#skip(header.name, 'behind a link or a file', body);
      return;
    }
    if (header.type !== 'file' && header.type !== 'contiguous-file')
      return this.#skip(header.name, `${header.type ?? 'unknown'}`, body);
    const name = parts.at(-1);
    if (name === undefined) return this.#skip(header.name, 'no name', body);
    const folder = await this.#folder(parts.slice(0, -1));
    if (folder === undefined) return this.#skip(header.name, 'behind a link or a file', body);
    await this.#write(join(folder, name), (header.mode ?? 0o644) & 0o777, body);
  }

  async #write(path: string, mode: number, body: EntryBody): Promise<void> {
    const { O_CREAT, O_TRUNC, O_WRONLY, O_NOFOLLOW } = constants;
    const file = await open(path, O_CREAT | O_TRUNC | O_WRONLY | O_NOFOLLOW, mode).catch((error: unknown) => error);
    if (file instanceof Error)
      return this.#skip(path.slice(this.#root.length + 1), 'a link or a folder is there', body);
    const handle = file as Awaited<ReturnType<typeof open>>;
    try {
      for await (const chunk of body as AsyncIterable<Buffer>) {
        this.#bytes += chunk.length;
        if (this.#bytes > this.#limits.bytesMax) throw tooMuch(`${this.#limits.bytesMax} bytes`);
        await handle.writeFile(chunk);
      }
      this.#files++;
    } finally {
      await handle.close();
    }
  }

  /** Makes the folder; undefined when something that is no folder, such as a link, stands in the way. */
  async #folder(parts: readonly string[]): Promise<string | undefined> {
    let path = this.#root;
    for (const part of parts) {
      path = join(path, part);
      if (this.#checked.has(path)) continue;
      await mkdir(path).catch(() => undefined);
      const stat = await lstat(path).catch(() => undefined);
      if (!stat?.isDirectory()) return undefined;
      this.#checked.add(path);
    }
    return path;
  }

  #skip(path: string, why: string, body: EntryBody): void {
    body.resume();
    this.#skipped.push({ path, why });
  }
}

/** safeParts splits an archive's path; undefined when it leads out of the folder or holds what no file name may. */
export function safeParts(name: string): string[] | undefined {
  if (name.startsWith('/') || name.includes('\\') || name.includes('\0')) return undefined;
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  return parts.includes('..') ? undefined : parts;
}

const tooMuch = (what: string): Fault =>
  new Fault('kube_api', { public: `The pod sent more than ${what}.`, extra: { reason: 'CopyTooLarge' } });
