import { type ChildProcess, spawn } from 'node:child_process';

/** A bash that stays open, so that variables and functions of one block are there in the next, as in a person's terminal. */
export class Terminal {
  readonly #shell: ChildProcess;
  #output = '';

  constructor(cwd: string, env: NodeJS.ProcessEnv) {
    this.#shell = spawn('bash', ['--norc', '-s'], { cwd, env, stdio: ['pipe', 'pipe', 'pipe'] });
    for (const stream of [this.#shell.stdout, this.#shell.stderr])
      stream?.on('data', (chunk: Buffer) => (this.#output += chunk.toString()));
  }

  /** run types a script and gives its whole output and the exit code of its last command. */
  async run(script: string, timeoutMs = 120_000): Promise<{ output: string; code: number }> {
    const marker = `__end_${process.hrtime.bigint()}__`;
    this.#output = '';
    this.#shell.stdin?.write(`${script}\n__code=$?; echo; echo ${marker} $__code\n`);
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const match = new RegExp(`\\n${marker} (\\d+)\\n`).exec(this.#output);
      if (match) return { output: this.#output.slice(0, match.index), code: Number(match[1]) };
      if (this.#shell.exitCode !== null) throw new Error(`the shell ended: ${this.#output}`);
      if (performance.now() > deadline) throw new Error(`no end after ${timeoutMs} ms:\n${script}\n${this.#output}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  close(): void {
    this.#shell.stdin?.end();
    this.#shell.kill();
  }
}
