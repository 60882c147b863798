import { endInstance } from '../runtime-driver.js';
import type { InstanceFacts } from './instance-facts.js';
import { LostInstance } from './instance-store.js';
import { phases } from './phases.js';
import { driverOf, type ReconcileTools, type Turn } from './turn.js';

/**
 * reconcileInstance brings one instance nearer to what is wanted: it claims the row, and runs the phases until one says that the pass is over.
 * It is level-triggered: it looks at what is, never at what was announced, so running it once too often does nothing.
 * @returns milliseconds until it should be run again by itself; undefined when only a change is a reason; 'again' for at once
 */
export async function reconcileInstance(
  tools: ReconcileTools,
  id: string,
  changed: AbortSignal,
): Promise<number | 'again' | undefined> {
  const facts = await tools.store.claim(id);
  if (!facts) return undefined;
  const claimedMs = tools.clock.monotonicMs();
  const turn: Turn = {
    ...tools,
    facts,
    changed,
    nowMs: () => facts.now.getTime() + (tools.clock.monotonicMs() - claimedMs),
  };
  try {
    for (const phase of phases) {
      const verdict = await phase(turn);
      if (verdict === 'next') continue;
      if (verdict === 'again') return 'again';
      return verdict === 'done' ? undefined : verdict.againInMs;
    }
  } catch (error) {
    if (!(error instanceof LostInstance)) throw error;
    await letGo(tools, facts);
  }
  return undefined;
}

/** letGo ends our copy of an instance that another operator holds now: two must not run. */
async function letGo(tools: ReconcileTools, facts: InstanceFacts): Promise<void> {
  const driver = facts.handle && driverOf(tools, facts.handle.driver);
  tools.logger.warn({ instance: facts.id }, 'another operator holds this instance now');
  if (facts.handle && driver && !driver.survivesOperator) await endInstance(driver, facts.handle, tools.graceMs);
}
