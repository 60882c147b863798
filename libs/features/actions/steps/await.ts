import { readinessOf } from '@nm/adapters/k8kat';
import type { ObjectRef } from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import { z } from 'zod';
import { duplicates, refIssues } from '../plan/plan-issue.js';
import { aboutObject, objectName } from './object-name.js';
import { until } from './patience.js';
import type { StepContext } from './step-context.js';
import type { StepKindSpec } from './step-kind.js';
import { keptOf, untilSettled } from './until-settled.js';

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
    const { look, late, seen } = readyLook(step.refs, context, Seen.safeParse(keptOf(context.noted, 'seen')).data);
    await untilSettled(context, {
      ...{ look, late, state: () => ({ seen: Object.fromEntries(seen) }) },
      ...{ timeoutSeconds: step.timeoutSeconds, forWhat: `${manyOf(step.refs)} to be ready` },
    });
    return { ready: step.refs.map(objectName) };
  },
};

/** What was seen of each object. */
const Seen = z.record(z.string(), z.object({ reason: z.string(), ready: z.boolean() }));

const manyOf = (refs: readonly ObjectRef[]): string =>
  `${refs.slice(0, 3).map(objectName).join(', ')}${refs.length > 3 ? ` and ${refs.length - 3} more` : ''}`;

/**
 * untilReady waits on the spot until every object is ready. One that has failed for good ends it; a reason is logged when it changes.
 * @throws Fault step_failed with the reason; run_timeout
 */
export async function untilReady(
  refs: readonly ObjectRef[],
  timeoutSeconds: number,
  context: StepContext,
): Promise<void> {
  const { look, late } = readyLook(refs, context);
  await until(context, timeoutSeconds, look, late);
}

/** @param known what earlier looks have seen: what was ready then is not looked at again, and no reason is logged twice */
function readyLook(refs: readonly ObjectRef[], context: StepContext, known: z.infer<typeof Seen> = {}) {
  const { session, namespace, signal } = context;
  const byName = new Map(refs.map((ref) => [objectName(ref), ref]));
  const seen = new Map(
    [...byName.keys()].map((name) => [name, known[name] ?? { reason: 'not looked at yet', ready: false }]),
  );
  const open = () => [...seen].filter(([, { ready }]) => !ready);
  const look = async (): Promise<true | undefined> => {
    for (const [name, before] of open()) {
      const ref = byName.get(name) as ObjectRef;
      const object = await session.get(ref, namespace, signal).catch((error: unknown) => {
        throw aboutObject(error, ref);
      });
      const { state, reason } = object ? readinessOf(object) : { state: 'pending', reason: 'does not exist yet' };
      if (reason !== before.reason || state !== 'pending') await context.log(`${name}: ${reason}`);
      seen.set(name, { reason, ready: state === 'ready' });
      if (state === 'failed')
        throw new Fault('step_failed', {
          public: `${name}: ${reason}`,
          extra: { object: name, reason: wordOf(reason) },
        });
    }
    return open().length === 0 ? true : undefined;
  };
  const late = () =>
    open()
      .map(([name, { reason }]) => `${name}: ${reason}`)
      .join('; ');
  return { look, late, seen };
}

/** A reason begins with Kubernetes' own word where there is one: `ProgressDeadlineExceeded: …`. */
function wordOf(reason: string): string {
  const word = reason.split(':')[0] ?? reason;
  return /^[A-Z][A-Za-z]+$/.test(word) ? word : 'Failed';
}
