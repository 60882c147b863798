import { createHash } from 'node:crypto';
import { isKubeStatus, type KubeObject, objectPath } from '@nm/adapters/k8kat';
import type { ObjectRef } from '@nm/kernel/contracts';
import { refIssues } from '../plan/plan-issue.js';
import { aboutObject, objectName } from './object-name.js';
import { patiently } from './patience.js';
import type { StepContext } from './step-context.js';
import type { StepKindSpec } from './step-kind.js';

/** Writes an Event about an object. Its name comes of the run and the step, so that the step done again writes none. */
export const emitEventKind: StepKindSpec<'emit-event'> = {
  preview: 'dry-run',
  check: ({ ref }, path) => refIssues(ref, `${path}.ref`),
  needs: async ({ ref }, needs) => {
    await needs.object(ref, ['get']);
    needs.question({ verb: 'create', group: '', resource: 'events' });
  },
  execute: async ({ ref, type, reason, message }, context) => {
    const { session, namespace, signal, run, position, clock } = context;
    try {
      const object = await patiently(context, () => session.get(ref, namespace, signal));
      const at = clock.now().toISOString();
      const where = object?.metadata?.namespace ?? ref.namespace ?? namespace;
      const event = {
        ...{ apiVersion: 'v1', kind: 'Event', type, reason, message, firstTimestamp: at, lastTimestamp: at, count: 1 },
        metadata: { name: eventName(ref.name, run.id, position), namespace: where },
        involvedObject: { ...ref, namespace: where, ...(object?.metadata?.uid ? { uid: object.metadata.uid } : {}) },
        source: { component: 'nmachine' },
      };
      const eventRef = { apiVersion: 'v1', kind: 'Event', name: event.metadata.name, namespace: where };
      const current = await session.current();
      const path = objectPath(await session.resourceFor('v1', 'Event'), where);
      await patiently(context, () =>
        current
          .request('POST', path, { body: event, signal, idempotent: true, beforeSend: () => context.guard() })
          .then((made) => recordCreation(eventRef, made as KubeObject, context))
          .catch((error: unknown) => {
            if (!isKubeStatus(error, 409)) throw error;
          }),
      );
      await context.log(`${reason} about ${objectName(ref)}`);
      return { event: event.metadata.name };
    } catch (error) {
      throw aboutObject(error, ref);
    }
  },
};

async function recordCreation(ref: ObjectRef, after: KubeObject, { changes }: StepContext): Promise<void> {
  await changes.begin(ref, undefined);
  await changes.end(ref, { before: undefined, after });
}

const eventName = (object: string, runId: string, position: number): string =>
  `${object.slice(0, 200)}.${createHash('sha256').update(`${runId}.${position}`).digest('hex').slice(0, 16)}`;
