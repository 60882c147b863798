import { Fault } from '@nm/kernel/fault';
import { parseAllDocuments } from 'yaml';
import type { KubeSession } from '../session/kube-session.js';
import type { KubeObject } from '../transport/kube-types.js';
import { conflictsOf, type FieldConflict } from './conflicts.js';
import { createObject } from './create-object.js';

export interface ApplyObjectsOptions {
  readonly fieldManager: string;
  /** Take fields over from other managers. */
  readonly force?: boolean;
  /** Check and answer, store nothing. */
  readonly dryRun?: boolean;
  /** For objects that name none. */
  readonly namespace?: string;
  readonly signal?: AbortSignal | undefined;
}

/** What became of one object. */
export type WriteOutcome =
  | { readonly ok: true; readonly object: KubeObject }
  | {
      readonly ok: false;
      readonly object: KubeObject;
      readonly error: unknown;
      readonly conflicts: readonly FieldConflict[];
    };

/** parseManifests reads objects from YAML with several documents (or JSON); lists are taken apart. @throws Fault invalid_body */
export function parseManifests(text: string): KubeObject[] {
  return parseAllDocuments(text).flatMap((document) => {
    const [error] = document.errors;
    if (error) throw new Fault('invalid_body', { public: `The manifest is not YAML: ${error.message.split('\n')[0]}` });
    const value = document.toJS({ maxAliasCount: 100 }) as (KubeObject & { items?: KubeObject[] }) | null;
    if (value === null) return [];
    return value.kind?.endsWith('List') && Array.isArray(value.items) ? value.items : [value];
  });
}

/** What others need comes first. */
const ranks: Readonly<Record<string, number>> = {
  CustomResourceDefinition: 0,
  Namespace: 1,
  ServiceAccount: 2,
  Secret: 2,
  ConfigMap: 2,
};
const rankOf = ({ kind = '' }: KubeObject): number => ranks[kind] ?? 3;

/** inWriteOrder puts definitions and namespaces before what needs them, and leaves the order alone otherwise. */
export const inWriteOrder = (objects: readonly KubeObject[]): KubeObject[] =>
  objects.toSorted((left, right) => rankOf(left) - rankOf(right));

/** applyObjects applies each on the server; one that is refused does not stop the others, and its outcome says who is in the way. */
export async function applyObjects(
  session: KubeSession,
  objects: readonly KubeObject[],
  options: ApplyObjectsOptions,
): Promise<WriteOutcome[]> {
  const outcomes: WriteOutcome[] = [];
  for (const object of inWriteOrder(objects)) {
    try {
      outcomes.push({ ok: true, object: await session.apply(object, options) });
    } catch (error) {
      if (options.signal?.aborted) throw error;
      outcomes.push({ ok: false, object, error, conflicts: conflictsOf(error) });
    }
  }
  return outcomes;
}

/** createNew makes a new object of whatever kind; `generateName` works. @throws Fault kube_api 409 `AlreadyExists` */
export async function createNew(
  session: KubeSession,
  object: KubeObject,
  options: Omit<ApplyObjectsOptions, 'force'>,
): Promise<KubeObject> {
  const resource = await session.resourceFor(object.apiVersion ?? '', object.kind ?? '');
  const namespace = object.metadata?.namespace ?? options.namespace;
  if (resource.namespaced && namespace === undefined)
    throw new Fault('invalid_body', { public: `${resource.kind} lives in a namespace, and none is given.` });
  return createObject<KubeObject>(session, resource, namespace, object, options);
}
