import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { root } from '../devstack-process.js';

const run = promisify(execFile);
const outputBytesMax = 64 * 1024 * 1024;
const files = ['docker-compose.yml', 'test/compose/docker-compose.debian.yml'];

interface ComposeOptions {
  readonly name: string;
  readonly socket: string;
  readonly env: Record<string, string>;
}

/** ComposeProject is one `docker-compose` project of this repository's file and the test's override. */
export class ComposeProject {
  readonly #env: NodeJS.ProcessEnv;
  readonly #name: string;
  readonly #options: ComposeOptions;

  constructor(options: ComposeOptions) {
    this.#options = options;
    this.#name = options.name;
    this.#env = { ...process.env, DOCKER_HOST: `unix://${options.socket}`, ...options.env };
  }

  /** with is the same project, told more. */
  with(env: Record<string, string>): ComposeProject {
    return new ComposeProject({ ...this.#options, env: { ...this.#options.env, ...env } });
  }

  /** compose types a docker-compose command. @throws Error with the end of its output */
  async compose(...args: string[]): Promise<string> {
    const chosen = files.flatMap((file) => ['-f', file]);
    return await this.#run('docker-compose', ['-p', this.#name, '--no-ansi', ...chosen, ...args]);
  }

  docker(...args: string[]): Promise<string> {
    return this.#run('docker', args);
  }

  /** The pid, as this machine counts, of a service's first process. */
  async pidOf(service: string): Promise<number> {
    return Number(await this.#inspect(service, '{{.State.Pid}}'));
  }

  /** How a service's first process ended. */
  async exitCodeOf(service: string): Promise<number> {
    return Number(await this.#inspect(service, '{{.State.ExitCode}}'));
  }

  /** Command lines of what runs inside a service's container. */
  async processesOf(service: string): Promise<string[]> {
    const output = await this.docker('top', await this.#container(service), '-eo', 'pid,args');
    return output.trim().split('\n').slice(1);
  }

  async #inspect(service: string, format: string): Promise<string> {
    return (await this.docker('inspect', '--format', format, await this.#container(service))).trim();
  }

  async #container(service: string): Promise<string> {
    return (await this.compose('ps', '-q', service)).trim();
  }

  async #run(program: string, args: string[]): Promise<string> {
    try {
      return (await run(program, args, { cwd: root, env: this.#env, maxBuffer: outputBytesMax })).stdout;
    } catch (error) {
      const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
      throw new Error(`${program} ${args.join(' ')} failed:\n${`${stdout}\n${stderr}`.slice(-6000)}`, { cause: error });
    }
  }
}
