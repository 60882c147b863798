import { refIssues } from '../plan/plan-issue.js';
import { changed, fencedPatch } from './fenced-write.js';
import { aboutObject, objectName } from './object-name.js';
import { patiently } from './patience.js';
import type { StepKindSpec } from './step-kind.js';

/** Members that name the object or belong to the API server; a patch of them would be of another object, or refused. */
const fixed = ['apiVersion', 'kind', 'status'];

/** Changes an object by a JSON merge patch. */
export const patchKind: StepKindSpec<'patch'> = {
  preview: 'dry-run',
  check: (step, path) => [
    ...refIssues(step.ref, `${path}.ref`),
    ...fixed
      .filter((member) => member in step.patch)
      .map((member) => ({ path: `${path}.patch.${member}`, message: 'a patch cannot change this' })),
  ],
  needs: (step, needs) => needs.object(step.ref, ['get', 'patch']),
  execute: async (step, context) => {
    try {
      const written = await patiently(context, () => fencedPatch(step.ref, context, () => step.patch));
      const operation = changed(written) ? 'configured' : 'unchanged';
      await context.log(`${objectName(step.ref)} ${operation}`);
      return { objects: [{ ...step.ref, operation }] };
    } catch (error) {
      throw aboutObject(error, step.ref);
    }
  },
};
