import { readinessOf } from '@nm/adapters/k8kat';
import type { ObjectRef } from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import { duplicates, refIssues } from '../plan/plan-issue.js';
import { aboutObject, objectName } from './object-name.js';
import { until } from './patience.js';
import type { StepContext } from './step-context.js';
import type { StepKindSpec } from './step-kind.js';

/** Waits until objects are ready. */
export const awaitKind: StepKindSpec<'await'> = {
  preview: 'reads',
  check: (step, path) => [
    ...step.refs.flatMap((ref, i) => refIssues(ref, `${path}.refs.${i}`)),
    ...duplicates(step.refs, `${path}.refs`),
  ],
  needs: async (step, needs) => {
    for (const ref of step.refs) await needs.object(ref, ['get']);
  },
  execute: async (step, context) => {
    await untilReady(step.refs, step.timeoutSeconds, context);
    return { ready: step.refs.map(objectName) };
  },
};

/**
 * untilReady waits until every object is ready. One that has failed for good ends it; a reason is logged when it changes.
 * @throws Fault step_failed with the reason; run_timeout
 */
export async function untilReady(
  refs: readonly ObjectRef[],
  timeoutSeconds: number,
  context: StepContext,
): Promise<void> {
  const { session, namespace, signal } = context;
  const open = new Map(refs.map((ref) => [objectName(ref), { ref, reason: 'not looked at yet' }]));
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
  await until(context, timeoutSeconds, look, late);
}

/** A reason begins with Kubernetes' own word where there is one: `ProgressDeadlineExceeded: …`. */
function wordOf(reason: string): string {
  const word = reason.split(':')[0] ?? reason;
  return /^[A-Z][A-Za-z]+$/.test(word) ? word : 'Failed';
}
