import { isDeepStrictEqual } from 'node:util';
import type { KubeObject } from '@nm/adapters/k8kat';
import type { ChangedField, ObjectRef } from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import { hidden } from '../changes/diff-objects.js';
import { fencedPatch, runAnnotation } from './fenced-write.js';
import { aboutObject, objectName } from './object-name.js';
import { patiently } from './patience.js';
import { recordedDelete } from './recorded-delete.js';
import type { StepContext, UndoneChange } from './step-context.js';
import type { StepKindSpec } from './step-kind.js';

/**
 * Takes back what the step has changed, by the record of its changes, the latest first: what it made is deleted, and fields that are still as it left them
 * get their former values. What somebody else has changed since is left alone.
 */
export const restoreKind: StepKindSpec<'restore'> = {
  preview: { cannot: 'It is done only when the run fails.' },
  needs: () => undefined,
  execute: async (_step, context) => {
    const left: string[] = [];
    for (const change of (await context.undone()).toReversed()) {
      const ref = change.object;
      try {
        if (!(await patiently(context, () => takeBack(change, ref, context)))) left.push(objectName(ref));
      } catch (error) {
        throw aboutObject(error, ref);
      }
    }
    if (left.length === 0) return {};
    throw new Fault('step_failed', { public: `This could not be put back: ${left.join(', ')}.` });
  },
};

/** @returns false when its former state is not known, or is of the past for good */
async function takeBack(change: UndoneChange, ref: ObjectRef, context: StepContext): Promise<boolean> {
  if (change.verb === 'created') return dropOurs(ref, context);
  if (change.verb !== 'changed' || change.truncated || !change.fields?.every(isKept)) return false;
  const fields = change.fields;
  await fencedPatch(ref, context, (before) => patchBack(before, fields));
  await context.log(`${objectName(ref)} is as it was`);
  return true;
}

async function dropOurs(ref: ObjectRef, context: StepContext): Promise<boolean> {
  const { session, namespace, signal, run } = context;
  const object = await session.get(ref, namespace, signal);
  if (!object) return true;
  if (object.metadata?.annotations?.[runAnnotation] !== run.id) return false;
  if (await recordedDelete(ref, object.metadata.uid ?? '', context)) await context.log(`${objectName(ref)} is deleted`);
  return true;
}

const isKept = ({ from, to }: ChangedField): boolean => !JSON.stringify([from, to]).includes(hidden);

type Tree = { [name: string]: unknown };

/** A merge patch of the fields that are still as the step left them. */
function patchBack(object: KubeObject, fields: readonly ChangedField[]): Tree | undefined {
  const patch: Tree = {};
  for (const { path, from, to } of fields) {
    const names = path
      .split('/')
      .slice(1)
      .map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'));
    if (isDeepStrictEqual(valueAt(object, names), to)) put(patch, names, from ?? null);
  }
  return Object.keys(patch).length ? patch : undefined;
}

function valueAt(object: unknown, names: readonly string[]): unknown {
  let value = object;
  for (const name of names)
    value =
      typeof value === 'object' && value !== null && Object.hasOwn(value, name) ? (value as Tree)[name] : undefined;
  return value;
}

function put(tree: Tree, [name = '', ...rest]: readonly string[], value: unknown): void {
  if (rest.length === 0) {
    tree[name] = value;
    return;
  }
  const inner = (tree[name] ?? {}) as Tree;
  tree[name] = inner;
  put(inner, rest, value);
}
