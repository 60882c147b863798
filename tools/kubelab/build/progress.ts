/** One step of a longer piece of work, as told to the caller. */
export interface Progress {
  readonly state: 'start' | 'detail' | 'done';
  /** What is being done, for example `kube-apiserver (4 of 10)`. */
  readonly step: string;
  /** Last line of the running command. */
  readonly detail?: string;
  /** Seconds since the step began. */
  readonly seconds: number;
}

/** Receives progress; must not throw. */
export type OnProgress = (progress: Progress) => void;

const HEARTBEAT_SECONDS = 30;

/**
 * Prints progress to `out`: one line that rewrites itself on a terminal; elsewhere a line at the start and the end of a step and every 30 s,
 * so that a CI log shows life without flooding.
 */
export function progressPrinter(out: NodeJS.WriteStream = process.stderr): OnProgress {
  let lastPlain = 0;
  return ({ state, step, detail, seconds }) => {
    const time = `${seconds.toFixed(seconds < 10 ? 1 : 0)}s`;
    if (out.isTTY) {
      const line = `kubelab: ${step} ${time}${detail && state === 'detail' ? `  ${detail}` : ''}`.slice(
        0,
        out.columns - 1,
      );
      out.write(`\r\u001b[K${line}${state === 'done' ? '\n' : ''}`);
      return;
    }
    if (state === 'start') lastPlain = 0;
    if (state === 'detail' && seconds - lastPlain < HEARTBEAT_SECONDS) return;
    if (state === 'detail') lastPlain = seconds;
    out.write(
      `kubelab: ${step}${state === 'start' ? ' …' : ` ${state === 'done' ? 'done' : 'still running'} ${time}`}\n`,
    );
  };
}
