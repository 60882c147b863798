import { systemClock } from '@nm/kernel/time';

const seconds = (sinceMs: number): string => `${((systemClock.monotonicMs() - sinceMs) / 1000).toFixed(1)} s`;

/** step shows one line while `work` runs, with the time that it took; on a terminal the line counts. */
export async function step<T>(title: string, work: () => Promise<T>): Promise<T> {
  const startedMs = systemClock.monotonicMs();
  const tty = process.stdout.isTTY;
  const timer = tty
    ? setInterval(() => process.stdout.write(`\r  … ${title}  ${seconds(startedMs)}\x1b[K`), 200)
    : undefined;
  const end = (mark: string) => {
    clearInterval(timer);
    process.stdout.write(`${tty ? '\r' : ''}  ${mark} ${title}  ${seconds(startedMs)}${tty ? '\x1b[K' : ''}\n`);
  };
  try {
    const result = await work();
    end('✓');
    return result;
  } catch (error) {
    end('✗');
    throw error;
  }
}
