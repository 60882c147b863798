import { readinessOf } from '@nm/adapters/k8kat';
import { Fault } from '@nm/kernel/fault';
import { aboutObject, objectName } from './object-name.js';
import { until } from './patience.js';
import type { StepExecutor } from './step-context.js';

/**
 * awaitReady waits until every object is ready. One that has failed for good ends it; a reason is logged when it changes.
 * @throws Fault step_failed with the reason; run_timeout
 */
export const awaitReady: StepExecutor<'await'> = async (step, context) => {
  const { session, namespace, signal } = context;
  const open = new Map(step.refs.map((ref) => [objectName(ref), { ref, reason: 'not looked at yet' }]));
  const look = async (): Promise<true | undefined> => {
    for (const [name, entry] of open) {
      const object = await session.get(entry.ref, namespace, signal).catch((error: unknown) => {
        throw aboutObject(error, entry.ref);
      });
      const { state, reason } = object ? readinessOf(object) : { state: 'pending', reason: 'does not exist yet' };
      if (reason !== entry.reason || state !== 'pending') await context.log(`${name}: ${reason}`);
      entry.reason = reason;
      if (state === 'failed')
        throw new Fault('step_failed', {
          public: `${name}: ${reason}`,
          extra: { object: name, reason: wordOf(reason) },
        });
      if (state === 'ready') open.delete(name);
    }
    return open.size === 0 ? true : undefined;
  };
  const late = () => [...open].map(([name, { reason }]) => `${name}: ${reason}`).join('; ');
  await until(context, step.timeoutSeconds, look, late);
  return { ready: step.refs.map(objectName) };
};

/** A reason begins with Kubernetes' own word where there is one: `ProgressDeadlineExceeded: …`. */
function wordOf(reason: string): string {
  const word = reason.split(':')[0] ?? reason;
  return /^[A-Z][A-Za-z]+$/.test(word) ? word : 'Failed';
}
