import type { Tx } from '@nm/adapters/db';
import { type CronRule, lastTime, nextTime } from './cron-times.js';

/** A maintenance window: from each time of the rule, so long. */
export interface WindowRule extends CronRule {
  readonly durationMinutes: number;
}

/** isOpen tells whether `at` lies in the window. */
export function isOpen(rule: WindowRule, at: Date): boolean {
  const began = lastTime(rule, at);
  return began !== undefined && at.getTime() < began.getTime() + rule.durationMinutes * 60_000;
}

/** So long a run waits that finds no opening at all, before it asks again. */
const askAgainMs = 86_400_000;

/** openingAfter gives when one of the windows opens; undefined when one is open now, or there is none. */
export function openingAfter(rules: readonly WindowRule[], at: Date): Date | undefined {
  if (rules.length === 0 || rules.some((rule) => isOpen(rule, at))) return undefined;
  const openings = rules.flatMap((rule) => nextTime(rule, at)?.getTime() ?? []);
  return new Date(openings.length ? Math.min(...openings) : at.getTime() + askAgainMs);
}

/** nextOpening looks at the windows of an install; when it has none of its own, at those of its cluster. */
export async function nextOpening(tx: Tx, installId: string, at: Date): Promise<Date | undefined> {
  const install = await tx.install.findUniqueOrThrow({ where: { id: installId }, select: { clusterId: true } });
  const windows = await tx.maintenanceWindow.findMany({
    where: { OR: [{ installId }, { clusterId: install.clusterId }] },
  });
  const own = windows.filter((window) => window.installId !== null);
  return openingAfter(own.length ? own : windows, at);
}
