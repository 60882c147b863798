import { type Manifest, type Ref, refOf, storeManifests, webManifests } from './manifests.js';
import type { Value } from './variables.js';

export type Step =
  | { readonly kind: 'apply'; readonly title: string; readonly manifests: readonly Manifest[] }
  | {
      readonly kind: 'await' | 'delete';
      readonly title: string;
      readonly refs: readonly Ref[];
      readonly timeoutSeconds: number;
    };

/** What is posted to NMachine, whose worker does it on the user's cluster: this program never waits for a cluster. */
export interface Plan {
  readonly steps: readonly Step[];
}

const workloads = (manifests: readonly Manifest[]): Ref[] =>
  manifests.filter((manifest) => manifest.kind !== 'Service').map(refOf);

const awaitSeconds = 180;

/** installPlan brings the store up before the page that needs it. Run again, it brings everything to the current variables. */
export function installPlan(values: Readonly<Record<string, Value>>): Plan {
  const [store, web] = [storeManifests(values), webManifests(values)];
  return {
    steps: [
      { kind: 'apply', title: 'Create the store', manifests: store },
      { kind: 'await', title: 'Wait for the store', refs: workloads(store), timeoutSeconds: awaitSeconds },
      { kind: 'apply', title: 'Create the page', manifests: web },
      { kind: 'await', title: 'Wait for the page', refs: workloads(web), timeoutSeconds: awaitSeconds },
    ],
  };
}

/** scalePlan changes the page only. */
export function scalePlan(values: Readonly<Record<string, Value>>): Plan {
  const web = webManifests(values);
  return {
    steps: [
      { kind: 'apply', title: `Scale the page to ${values['web.replicas']}`, manifests: web },
      { kind: 'await', title: 'Wait for the page', refs: workloads(web), timeoutSeconds: awaitSeconds },
    ],
  };
}

/** uninstallPlan removes everything that `installPlan` made, the page first. The Kamafile stays: it is the user's record. */
export function uninstallPlan(values: Readonly<Record<string, Value>>): Plan {
  const remove = (title: string, manifests: readonly Manifest[]): Step => ({
    kind: 'delete',
    title,
    refs: manifests.map(refOf),
    timeoutSeconds: awaitSeconds,
  });
  return {
    steps: [remove('Remove the page', webManifests(values)), remove('Remove the store', storeManifests(values))],
  };
}
