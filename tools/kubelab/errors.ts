/** A failure that the user can act on: its message is one sentence with the remedy, and the command line prints it without a stack. */
export class KubelabError extends Error {
  override readonly name = 'KubelabError';
  readonly exitCode: number;

  constructor(message: string, options: { exitCode?: number; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.exitCode = options.exitCode ?? 1;
  }
}
