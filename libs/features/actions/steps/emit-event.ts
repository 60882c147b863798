import { createHash } from 'node:crypto';
import { isKubeStatus, objectPath } from '@nm/adapters/k8kat';
import { refIssues } from '../plan/plan-issue.js';
import { aboutObject, objectName } from './object-name.js';
import { patiently } from './patience.js';
import type { StepKindSpec } from './step-kind.js';

/** Writes an Event about an object. Its name comes of the run and the step, so that the step done again writes none. */
export const emitEventKind: StepKindSpec<'emit-event'> = {
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
      const current = await session.current();
      const path = objectPath(await session.resourceFor('v1', 'Event'), where);
      await patiently(context, () =>
        current
          .request('POST', path, { body: event, signal, idempotent: true, beforeSend: () => context.guard() })
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

const eventName = (object: string, runId: string, position: number): string =>
  `${object.slice(0, 200)}.${createHash('sha256').update(`${runId}.${position}`).digest('hex').slice(0, 16)}`;
