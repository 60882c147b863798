import type { RbacPolicy, RunPlan } from '@nm/kernel/contracts';
import {
  type InstallPlace,
  identityManifests,
  identityRefs,
  namespaceManifest,
  namespaceRef,
} from './install-objects.js';

/** provisionPlan is everything that NMachine itself puts on a cluster for an install. */
export const provisionPlan = (place: InstallPlace, policy: RbacPolicy): RunPlan => ({
  steps: [
    { kind: 'apply', title: `Prepare namespace ${place.namespace}`, manifests: [namespaceManifest(place)] },
    { kind: 'await', title: 'Wait for the namespace', refs: [namespaceRef(place)], timeoutSeconds: 60 },
    {
      kind: 'apply',
      title: 'Create the identity of the install and grant what its version may do',
      manifests: identityManifests(place, policy),
    },
  ],
});

/**
 * removalPlan takes the identity away again: bindings first, so that it can do nothing while the rest goes. The namespace stays, and with
 * it whatever the user has in it.
 */
export function removalPlan(place: InstallPlace, policy: RbacPolicy): RunPlan {
  const refs = identityRefs(place, policy);
  const bindings = refs.filter((ref) => ref.kind.endsWith('Binding'));
  const others = refs.filter((ref) => !ref.kind.endsWith('Binding'));
  return {
    steps: [
      ...(bindings.length > 0
        ? [{ kind: 'delete' as const, title: 'Withdraw what was granted', refs: bindings, timeoutSeconds: 120 }]
        : []),
      { kind: 'delete', title: 'Remove the identity of the install', refs: others, timeoutSeconds: 120 },
    ],
  };
}
