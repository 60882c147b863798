// The far side of TemplateWorkers: runs jq and Jinja, both in WebAssembly, and holds nothing between two jobs. No import of ours may stand here: Node starts
// this file as it is, also from its source.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';
import { type Jq, loadJq } from 'jq-wasm';
import { Environment, initSync } from 'minijinja-js/dist/web/minijinja_js.js';

export interface WorkerSettings {
  /** Memory of each engine, in MiB. */
  readonly memoryMib: number;
  /** Steps that one template may take. */
  readonly fuel: number;
}

export type Job =
  | { readonly engine: 'jq'; readonly program: string; readonly input: string; readonly many: boolean }
  | { readonly engine: 'jinja'; readonly template: string; readonly values: string };

export interface Request {
  readonly id: number;
  readonly job: Job;
  readonly outputCharsMax: number;
}

/** A fault is the author's: the program or template is wrong, or does not suit the data. */
export type Answer =
  | { readonly id: number; readonly output: string }
  | { readonly id: number; readonly fault: 'failed' | 'too_large'; readonly message: string };

const settings = workerData as WorkerSettings;
const require = createRequire(import.meta.url);
const pageBytes = 65_536;

/** withMemory limits the memory of a WebAssembly module: it rewrites its memory section (id 5; WebAssembly core, §5.5.8) with a maximum. */
function withMemory(bytes: Uint8Array, pagesMax: number): Uint8Array {
  let at = 8;
  const parts: Uint8Array[] = [bytes.subarray(0, 8)];
  const number = (): number => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++] ?? 0;
      value |= (byte & 0x7f) << shift;
      if (!(byte & 0x80)) return value >>> 0;
    }
  };
  const encoded = (value: number): number[] =>
    value < 128 ? [value] : [(value & 0x7f) | 0x80, ...encoded(value >>> 7)];
  while (at < bytes.length) {
    const start = at;
    const id = bytes[at++];
    const length = number();
    const end = at + length;
    if (id === 5) {
      number();
      number();
      const body = [1, 1, ...encoded(number()), ...encoded(pagesMax)];
      parts.push(Uint8Array.from([5, ...encoded(body.length), ...body]));
    } else parts.push(bytes.subarray(start, end));
    at = end;
  }
  return Buffer.concat(parts);
}

const pages = Math.floor((settings.memoryMib * 1024 * 1024) / pageBytes);
const load = (name: string): Uint8Array => withMemory(readFileSync(require.resolve(name)), pages);

// Both are compiled before the first job, so that no job pays for it.
initSync({ module: load('minijinja-js/dist/web/minijinja_js_bg.wasm') });
const jq: Jq = await loadJq({ wasmBinary: load('jq-wasm/jq.wasm') });

function runJq(job: Extract<Job, { engine: 'jq' }>): string {
  const program = job.many ? job.program : `first(${job.program}\n)`;
  const { stdout, stderr, exitCode } = jq.raw(job.input, program, ['-c']);
  if (exitCode !== 0) throw new Error(stderr.trim() || `jq ended with ${exitCode}`);
  return stdout;
}

function runJinja(job: Extract<Job, { engine: 'jinja' }>): string {
  const environment = new Environment();
  try {
    environment.fuel = settings.fuel;
    environment.enablePyCompat();
    environment.keepTrailingNewline = true;
    return environment.renderStr(job.template, JSON.parse(job.values));
  } finally {
    release(environment);
  }
}

/** An engine that gave up in the middle of a template cannot be freed; what it gave up for is what counts. */
function release(environment: Environment): void {
  try {
    environment.free();
  } catch {
    // The thread ends for the first error.
  }
}

parentPort?.on('message', (request: Request) => {
  parentPort?.postMessage(answer(request));
});
parentPort?.postMessage('ready');

function answer({ id, job, outputCharsMax }: Request): Answer {
  try {
    const output = job.engine === 'jq' ? runJq(job) : runJinja(job);
    if (output.length > outputCharsMax)
      return { id, fault: 'too_large', message: `more than ${outputCharsMax} characters` };
    return { id, output };
  } catch (error) {
    // An engine that ran out of memory is not used again: its heap is in pieces.
    if (error instanceof Error && ['RuntimeError', 'RangeError'].includes(error.name)) process.exit(1);
    return {
      id,
      fault: 'failed',
      message: error instanceof Error ? error.message.slice(0, 500) : String(error).slice(0, 500),
    };
  }
}
