import { createReadStream } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { basename, join, posix } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Fault } from '@nm/kernel/fault';
import { extract, pack } from 'tar-stream';
import { type CopyLimits, type CopyReport, TreeWriter } from './copy-tree.js';
import { type ExecStream, openExec, type PodPlace } from './exec.js';
import type { StreamTransport } from './stream-transport.js';

const stderrBytesMax = 64 * 1024;
const limitsDefault: CopyLimits = { bytesMax: 1024 * 1024 * 1024, filesMax: 100_000 };

export interface CopyOptions {
  readonly signal?: AbortSignal | undefined;
  /** Of what comes out of a pod. Default 1 GiB and 100,000 files. */
  readonly limits?: Partial<CopyLimits>;
}

/**
 * copyFromPod writes a file or folder of a container under `directory`, by the container's own `tar`. What the pod sends is not trusted:
 * only files and folders are written, never outside of `directory`, never through a link; links and devices are left out and reported.
 * @throws Fault kube_api with what `tar` said, or when the limits are passed
 */
export async function copyFromPod(
  transport: StreamTransport,
  place: PodPlace,
  path: string,
  directory: string,
  options: CopyOptions = {},
): Promise<CopyReport> {
  const source = posix.resolve('/', path);
  const command = ['tar', 'cf', '-', '-C', posix.dirname(source), '--', posix.basename(source) || '.'];
  const stream = await openExec(transport, place, command, { signal: options.signal });
  const writer = new TreeWriter(directory, { ...limitsDefault, ...options.limits });
  const untar = extract();
  let entry = Promise.resolve();
  untar.on('entry', (header, body, next) => {
    entry = writer.take(header, body);
    entry.then(
      () => next(),
      (error: unknown) => untar.destroy(error as Error),
    );
  });
  try {
    const said = new Said(stream.stderr);
    await pipeline(stream.stdout, untar).catch(async (error: unknown) => {
      // What broke an entry says more than the broken stream that it leaves.
      await entry;
      throw error;
    });
    await succeeded(stream, said);
    return writer.report();
  } finally {
    stream.close();
  }
}

/** copyToPod puts a file or folder of this machine into a folder of a container, by the container's own `tar`. Links are left out. */
export async function copyToPod(
  transport: StreamTransport,
  place: PodPlace,
  source: string,
  directory: string,
  options: Pick<CopyOptions, 'signal'> = {},
): Promise<CopyReport> {
  const command = ['tar', 'xmf', '-', '-C', posix.resolve('/', directory)];
  const stream = await openExec(transport, place, command, { stdin: true, signal: options.signal });
  const tar = pack();
  const report = { files: 0, bytes: 0, skipped: [] as { path: string; why: string }[] };
  stream.stdout.resume();
  const said = new Said(stream.stderr);
  const stalled = new AbortController();
  const timer = setInterval(() => said.bytes.length > 0 && said.isStill(report.bytes) && stalled.abort(), stallMs);
  try {
    const sent = Promise.all([
      addTree(tar, source, basename(source), report).then(() => tar.finalize()),
      pipeline(tar, stream.stdin as NodeJS.WritableStream),
    ]);
    const done = sent.then(
      () => succeeded(stream, said),
      // When tar ends early (no such folder, disk full), its message says more than the broken pipe.
      (error: unknown) => succeeded(stream, said).then(() => Promise.reject(error as Error)),
    );
    await Promise.race([done, aborted(stalled.signal).then(() => Promise.reject(failed(said, 1)))]);
    return report;
  } finally {
    clearInterval(timer);
    tar.destroy();
    stream.close();
  }
}

/** A tar that has ended while there is more to send holds the connection up for ever: clusters wait for their side of stdin. */
const stallMs = 3_000;

/** What tar complains about, as it comes. */
class Said {
  bytes = Buffer.alloc(0);
  #seen = -1;

  constructor(stderr: Readable) {
    stderr.on('data', (chunk: Buffer) => {
      if (this.bytes.length < stderrBytesMax) this.bytes = Buffer.concat([this.bytes, chunk]);
    });
  }

  /** Whether nothing was sent since it was asked last. */
  isStill(sent: number): boolean {
    const still = sent === this.#seen;
    this.#seen = sent;
    return still;
  }
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));

type Tar = ReturnType<typeof pack>;
type Report = { files: number; bytes: number; skipped: { path: string; why: string }[] };

async function addTree(tar: Tar, path: string, name: string, report: Report): Promise<void> {
  const stat = await lstat(path);
  const header = { name, mode: stat.mode & 0o777, mtime: stat.mtime };
  if (stat.isDirectory()) {
    tar.entry({ ...header, type: 'directory' });
    for (const child of (await readdir(path)).sort())
      await addTree(tar, join(path, child), posix.join(name, child), report);
  } else if (stat.isFile()) {
    const counted = async function* (chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        report.bytes += chunk.length;
        yield chunk;
      }
    };
    await pipeline(createReadStream(path), counted, tar.entry({ ...header, type: 'file', size: stat.size }));
    report.files++;
  } else report.skipped.push({ path: name, why: stat.isSymbolicLink() ? 'symlink' : 'special file' });
}

async function succeeded(stream: ExecStream, said: Said): Promise<void> {
  const code = await stream.exit;
  if (code !== 0) throw failed(said, code);
}

const failed = (said: Said, exitCode: number): Fault =>
  new Fault('kube_api', {
    public: `tar in the container ended with ${exitCode}: ${said.bytes.toString('utf8').trim().slice(0, 2_000)}`,
    extra: { reason: 'CopyFailed', exitCode },
  });
