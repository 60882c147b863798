import type { ChildProcess } from 'node:child_process';
import type { Logger } from '@nm/adapters/telemetry';
import { randomFraction } from '@nm/kernel/ids';
import { backoffMs, type Clock } from '@nm/kernel/time';

export interface SuperviseOptions {
  readonly processes: number;
  /** Starts process `index`; called again when it has ended. */
  readonly start: (index: number) => ChildProcess;
  readonly log: Logger;
  readonly clock: Clock;
}

export interface Supervisor {
  /** Ends all gently and resolves when the last is gone. */
  stop(): Promise<void>;
}

/** A process that lived so long had no trouble with its start. */
const soundMs = 60_000;
const backoffBaseMs = 200;
const backoffMaxMs = 10_000;

/**
 * supervise keeps so many gateway processes alive. They share the port (SO_REUSEPORT) and nothing else: when one crashes, the system gives new
 * connections to the others, and it is started again, after a pause that grows while it keeps crashing.
 */
export function supervise({ processes, start, log, clock }: SuperviseOptions): Supervisor {
  const stopping = new AbortController();
  const children = new Set<ChildProcess>();

  const live = async (index: number): Promise<void> => {
    for (let crashes = 0; !stopping.signal.aborted; ) {
      const startedMs = clock.monotonicMs();
      const child = start(index);
      children.add(child);
      const reason = await endOf(child);
      children.delete(child);
      if (stopping.signal.aborted) return;
      crashes = clock.monotonicMs() - startedMs > soundMs ? 1 : crashes + 1;
      const pauseMs = backoffMs(crashes, backoffBaseMs, backoffMaxMs, randomFraction());
      log.error({ index, pid: child.pid, reason, pauseMs }, 'a gateway process ended and will be started again');
      await clock.sleep(pauseMs, stopping.signal).catch(() => undefined);
    }
  };
  const all = Promise.all(Array.from({ length: processes }, (_, index) => live(index)));
  return {
    stop: async () => {
      stopping.abort();
      for (const child of children) child.kill('SIGTERM');
      await all;
    },
  };
}

const endOf = (child: ChildProcess): Promise<string> =>
  new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
