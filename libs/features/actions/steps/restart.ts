import { refIssues } from '../plan/plan-issue.js';
import { fencedPatch } from './fenced-write.js';
import { aboutObject, objectName } from './object-name.js';
import { patiently } from './patience.js';
import type { StepKindSpec } from './step-kind.js';

const restartable = new Set(['Deployment', 'StatefulSet', 'DaemonSet']);
/** On the pod template: its value is the step, not the time, so that the same step done again restarts nothing. */
const restartAnnotation = 'nmachine.io/restarted-by';

/** Restarts the pods of a workload by a rolling update. */
export const restartKind: StepKindSpec<'restart'> = {
  preview: 'dry-run',
  check: ({ ref }, path) => [
    ...refIssues(ref, `${path}.ref`),
    ...(restartable.has(ref.kind) ? [] : [{ path: `${path}.ref.kind`, message: `a ${ref.kind} cannot be restarted` }]),
  ],
  needs: ({ ref }, needs) => needs.object(ref, ['get', 'patch']),
  execute: async ({ ref }, context) => {
    const annotations = { [restartAnnotation]: `${context.run.id}.${context.position}` };
    try {
      await patiently(context, () =>
        fencedPatch(ref, context, () => ({ spec: { template: { metadata: { annotations } } } })),
      );
      await context.log(`${objectName(ref)} restarts`);
      return { objects: [{ ...ref, operation: 'configured' }] };
    } catch (error) {
      throw aboutObject(error, ref);
    }
  },
};
