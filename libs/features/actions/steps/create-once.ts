import { isKubeStatus, type KubeObject, objectPath } from '@nm/adapters/k8kat';
import type { ObjectRef } from '@nm/kernel/contracts';
import { fieldManager } from './fenced-write.js';
import type { StepContext } from './step-context.js';

const triesMax = 10;

/**
 * createOnce creates an object that was not there when we looked. Server-side apply has no precondition for that: one that left a worker
 * before it fell asleep, and arrives late, would write over what others have made of the object since. A POST is refused then (409).
 * Afterwards the fields are ours as if they had been applied, or a later apply could not remove them.
 * @throws Fault kube_api 409 when the object is there by now
 */
export async function createOnce(object: KubeObject, ref: ObjectRef, context: StepContext): Promise<KubeObject> {
  const { session, signal } = context;
  const namespace = ref.namespace ?? context.namespace;
  const resource = await session.resourceFor(ref.apiVersion, ref.kind);
  const current = await session.current();
  const created = await current.request<KubeObject>('POST', objectPath(resource, namespace), {
    query: { fieldManager, fieldValidation: 'Strict' },
    body: object,
    signal,
    beforeSend: () => context.guard(),
  });
  // A dry run has made nothing that could be taken over.
  return context.dry ? created : takeOverAsItChanges(created, ref, context);
}

/** Controllers write to a new object at once; what they do is no reason to look at it as another's. */
async function takeOverAsItChanges(created: KubeObject, ref: ObjectRef, context: StepContext): Promise<KubeObject> {
  const { session, namespace, signal } = context;
  for (let object = created, tries = 1; ; tries++) {
    try {
      return await takeOver(object, ref, context);
    } catch (error) {
      if (!isKubeStatus(error, 409) || tries === triesMax) throw error;
      const found = await session.get(ref, namespace, signal);
      if (found?.metadata?.uid !== created.metadata?.uid) return created;
      object = found as KubeObject;
    }
  }
}

/** isCreatedOnly tells an object that we created and whose fields are not ours to remove yet: the worker died in between. */
export const isCreatedOnly = (object: KubeObject): boolean =>
  object.metadata?.managedFields?.some(isOurCreation) ?? false;

type ManagedFields = NonNullable<NonNullable<KubeObject['metadata']>['managedFields']>[number];

const isOurCreation = ({ manager, operation, subresource }: ManagedFields): boolean =>
  manager === fieldManager && operation === 'Update' && !subresource;

/** takeOver turns our creation into an apply in the object's managedFields, as kubectl does for objects of its older kind of apply. */
export async function takeOver(object: KubeObject, ref: ObjectRef, context: StepContext): Promise<KubeObject> {
  const managedFields = object.metadata?.managedFields?.map((entry) =>
    isOurCreation(entry) ? { ...entry, operation: 'Apply' } : entry,
  );
  const { session, signal } = context;
  const resource = await session.resourceFor(ref.apiVersion, ref.kind);
  const path = objectPath(resource, ref.namespace ?? context.namespace, ref.name);
  const current = await session.current();
  return current.request<KubeObject>('PATCH', path, {
    contentType: 'application/json-patch+json',
    body: [
      { op: 'replace', path: '/metadata/resourceVersion', value: object.metadata?.resourceVersion },
      { op: 'replace', path: '/metadata/managedFields', value: managedFields },
    ],
    signal,
    beforeSend: () => context.guard(),
  });
}
