import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, sep } from 'node:path';
import { engineFailed, engineLimit, engineUnavailable } from './templating-engine.js';

export interface ProgramLimits {
  /** Of one run, its waiting not counted. */
  readonly timeoutMs: number;
  readonly outputBytesMax: number;
  /** Resident memory of the program itself; looked at on Linux only. */
  readonly memoryMib: number;
  readonly atOnceMax: number;
  readonly waitingMax: number;
}

export interface ProgramRun {
  /** A path, or a name that is looked for on `path`. */
  readonly program: string;
  /** `args` gives the words of the command; it is told the private folder of the run. */
  readonly args: (folder: string) => readonly string[];
  /** Files of the private folder, by their paths within it. */
  readonly files?: ReadonlyMap<string, string>;
  /** Where it runs; without it, in the private folder. */
  readonly cwd?: string;
  readonly signal: AbortSignal;
}

export interface ProgramRunnerOptions extends Partial<ProgramLimits> {
  /** Search path; the only variable of ours that programs get. */
  readonly path: string;
  /** Whether programs run without a network, where the machine can do that (`unshare`). */
  readonly offline?: boolean;
}

const defaults: ProgramLimits = {
  timeoutMs: 20_000,
  outputBytesMax: 8 * 1024 * 1024,
  memoryMib: 512,
  atOnceMax: 2,
  waitingMax: 50,
};
const complaintBytesMax = 64 * 1024;
const lookEveryMs = 50;

/**
 * ProgramRunner runs programs that turn values into text: without a shell, in a process group and a folder of their own (also HOME and TMPDIR), bounded
 * in time, memory and output. Nothing of a run is left behind.
 */
export class ProgramRunner {
  readonly #limits: ProgramLimits;
  readonly #path: string;
  #offline: Promise<boolean> | undefined;
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  constructor({ path, offline = false, ...limits }: ProgramRunnerOptions) {
    this.#limits = { ...defaults, ...limits };
    this.#path = path;
    if (!offline) this.#offline = Promise.resolve(false);
  }

  /** run gives what the program wrote. @throws Fault template_failed (it failed, in its own words), template_limit, engine_unavailable */
  async run(run: ProgramRun): Promise<string> {
    await this.#turn(run.signal);
    try {
      return await this.#runNow(run);
    } finally {
      this.#release();
    }
  }

  /** The place goes to whoever has waited longest, if anybody does. */
  #release(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#running -= 1;
  }

  async #turn(signal: AbortSignal): Promise<void> {
    if (this.#running >= this.#limits.atOnceMax) {
      if (this.#waiting.length >= this.#limits.waitingMax) throw engineUnavailable('too many requests wait for it');
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else this.#running += 1;
    if (!signal.aborted) return;
    this.#release();
    throw engineLimit('the request was given up');
  }

  async #runNow(run: ProgramRun): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'nm-engine-'));
    try {
      for (const [path, text] of run.files ?? []) await writeInto(folder, path, text);
      const [program, ...args] = await this.#command(run, folder);
      return await this.#await(run, folder, program ?? '', args);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  async #command({ program, args }: ProgramRun, folder: string): Promise<string[]> {
    const words = [program, ...args(folder)];
    this.#offline ??= canUnshare(this.#path);
    return (await this.#offline) ? ['unshare', '--net', '--user', '--map-current-user', '--', ...words] : words;
  }

  #await({ cwd = '', program: named, signal }: ProgramRun, folder: string, program: string, args: string[]) {
    const { timeoutMs, outputBytesMax, memoryMib } = this.#limits;
    return new Promise<string>((resolve, reject) => {
      const child = spawn(program, args, {
        cwd: cwd === '' ? folder : cwd,
        env: { PATH: this.#path, HOME: folder, TMPDIR: folder, LANG: 'C.UTF-8' },
        detached: true,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      const stopped: { fault?: Error } = {};
      const stop = (fault: Error): void => {
        stopped.fault ??= fault;
        killGroup(child);
      };
      const output = collect(child.stdout, outputBytesMax, () =>
        stop(engineLimit(`it wrote more than ${outputBytesMax} bytes`)),
      );
      const complaint = collect(child.stderr, complaintBytesMax, () => undefined);
      const timer = setTimeout(() => stop(engineLimit(`it took longer than ${timeoutMs} ms`)), timeoutMs);
      const look = setInterval(() => {
        void residentMib(child.pid).then((used) => {
          if (used > memoryMib) stop(engineLimit(`it needed more than ${memoryMib} MiB of memory`));
        });
      }, lookEveryMs);
      const givenUp = (): void => stop(engineLimit('the request was given up, or its time was over'));
      signal.addEventListener('abort', givenUp, { once: true });
      // It may have been given up while its files were written.
      if (signal.aborted) givenUp();
      const settle = (act: () => void): void => {
        clearTimeout(timer);
        clearInterval(look);
        signal.removeEventListener('abort', givenUp);
        killGroup(child);
        act();
      };
      child.once('error', (error: NodeJS.ErrnoException) => settle(() => reject(notStarted(named, error))));
      child.once('close', (code) =>
        settle(() => {
          if (stopped.fault) reject(stopped.fault);
          else if (code === 0) resolve(output());
          else reject(engineFailed(sentence(named, code, complaint() || output(), folder)));
        }),
      );
    });
  }
}

async function writeInto(folder: string, path: string, text: string): Promise<void> {
  const file = join(folder, path);
  if (!file.startsWith(folder + sep)) throw engineFailed(`the file "${path}" lies outside of its folder`);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text, { mode: 0o600 });
}

function notStarted(program: string, error: NodeJS.ErrnoException): Error {
  return error.code === 'ENOENT'
    ? engineUnavailable(`there is no program "${program}" here; add it to the image, or to PATH`, error)
    : engineUnavailable(`the program "${program}" cannot be started (${error.code ?? error.message})`, error);
}

const charsMax = 800;

/** What the program said, without the name of a folder that nobody else knows. */
function sentence(program: string, code: number | null, said: string, folder: string): string {
  const words = said.replaceAll(`${folder}/`, '').replaceAll(folder, '.').trim();
  const name = program.split('/').at(-1) ?? program;
  return `"${name}" ended with ${code ?? 'a signal'}${words === '' ? '' : `: ${words.slice(-charsMax)}`}`;
}

function collect(stream: NodeJS.ReadableStream, bytesMax: number, onTooMuch: () => void): () => string {
  const chunks: Buffer[] = [];
  let bytes = 0;
  stream.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > bytesMax) onTooMuch();
    else chunks.push(chunk);
  });
  return () => Buffer.concat(chunks).toString('utf8');
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // The group has ended.
  }
}

const kibPerMib = 1024;

async function residentMib(pid: number | undefined): Promise<number> {
  const status = await readFile(`/proc/${pid ?? 0}/status`, 'utf8').catch(() => '');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / kibPerMib;
}

/** canUnshare tells whether this machine gives a process a network of its own: an empty one. */
function canUnshare(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = spawn('unshare', ['--net', '--user', '--map-current-user', '--', 'true'], {
      env: { PATH: path },
      stdio: 'ignore',
    });
    probe.once('error', () => resolve(false));
    probe.once('close', (code) => resolve(code === 0));
  });
}
