import { refIssues } from '../plan/plan-issue.js';
import { fencedPatch } from './fenced-write.js';
import { aboutObject, objectName } from './object-name.js';
import { patiently } from './patience.js';
import type { StepKindSpec } from './step-kind.js';

const scalable = new Set(['Deployment', 'StatefulSet', 'ReplicaSet', 'ReplicationController']);

/** Sets how many replicas a workload has. */
export const scaleKind: StepKindSpec<'scale'> = {
  preview: 'dry-run',
  outputs: ['from', 'to'],
  check: ({ ref }, path) => [
    ...refIssues(ref, `${path}.ref`),
    ...(scalable.has(ref.kind) ? [] : [{ path: `${path}.ref.kind`, message: `a ${ref.kind} has no replicas` }]),
  ],
  needs: ({ ref }, needs) => needs.object(ref, ['get', 'patch']),
  execute: async ({ ref, replicas }, context) => {
    try {
      const written = await patiently(context, () => fencedPatch(ref, context, () => ({ spec: { replicas } })));
      const from = (written.before?.['spec'] as { replicas?: number } | undefined)?.replicas ?? 1;
      await context.log(`${objectName(ref)}: ${from} → ${replicas} replicas`);
      return { objects: [{ ...ref, operation: from === replicas ? 'unchanged' : 'configured' }], from, to: replicas };
    } catch (error) {
      throw aboutObject(error, ref);
    }
  },
};
