import { setTimeout as sleep } from 'node:timers/promises';
import { KubelabError } from '../errors.ts';

/**
 * Asks `check` every 50 ms until it says true; an error of `check` means "not yet".
 * @throws the signal's reason when it is aborted; KubelabError when `timeoutMs` have passed.
 */
export async function waitUntil(
  what: string,
  check: () => Promise<boolean>,
  signal: AbortSignal,
  timeoutMs = 60_000,
): Promise<void> {
  const end = performance.now() + timeoutMs;
  let last: unknown;
  for (;;) {
    signal.throwIfAborted();
    try {
      if (await check()) return;
    } catch (error) {
      last = error;
    }
    if (performance.now() > end)
      throw new KubelabError(`${what}: not ready after ${timeoutMs / 1000} s.`, { cause: last });
    await sleep(50);
  }
}
