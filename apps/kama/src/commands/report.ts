import { type Finding, formatFinding } from '@nm/kama-sdk';
import { isFault } from '@nm/kernel/fault';

/** report prints why a command failed, a line for each finding first; gives the exit code: 2 for a command line that cannot be read, else 1. */
export function report(error: unknown): 1 | 2 {
  const findings = isFault(error) ? (error.extra['findings'] as readonly Finding[] | undefined) : undefined;
  for (const finding of findings ?? []) console.error(formatFinding(finding));
  const told = error instanceof Error && 'code' in error ? error.message : error;
  console.error(isFault(error) ? error.publicMessage : told);
  return isUsage(error) ? 2 : 1;
}

const isUsage = (error: unknown): boolean =>
  error instanceof Error && String((error as { code?: string }).code).startsWith('ERR_PARSE_ARGS');
