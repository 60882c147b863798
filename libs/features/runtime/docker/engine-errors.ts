import { Fault, isFault } from '@nm/kernel/fault';

/** isStatus tells whether the engine answered with one of these HTTP statuses. */
export const isStatus = (error: unknown, ...statuses: number[]): boolean =>
  statuses.includes((error as { statusCode?: number } | undefined)?.statusCode ?? 0);

/** unavailable makes the sentence that a publisher reads in the instance's message. */
export function unavailable(what: string, error: unknown): Fault {
  if (isFault(error)) return error;
  const engine = (error as { json?: { message?: string } } | undefined)?.json?.message;
  const reason = engine ?? (error instanceof Error ? error.message : String(error));
  return new Fault('runtime_unavailable', { public: `${what}: ${reason}`, cause: error });
}
