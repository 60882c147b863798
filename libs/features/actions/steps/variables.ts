import { isKubeStatus, type KubeObject } from '@nm/adapters/k8kat';
import type { ObjectRef } from '@nm/kernel/contracts';
import { hasCode } from '@nm/kernel/fault';
import {
  changeLevel,
  deepOf,
  emptySpace,
  kamafileData,
  kamafileLabels,
  kamafileName,
  mergeVars,
  olderKamafileName,
  parseKamafile,
  unsetVars,
  updatedAtAnnotation,
  type Vars,
} from '@nm/kernel/kamafile';
import type { PlanIssue } from '../plan/plan-issue.js';
import { createOnce } from './create-once.js';
import { changed, fencedWrite, patchObject, stamp } from './fenced-write.js';
import { aboutObject, objectName } from './object-name.js';
import { patiently } from './patience.js';
import type { StepContext, StepOf } from './step-context.js';
import type { StepKindSpec } from './step-kind.js';

type Step = StepOf<'variables'>;
type Data = Readonly<Record<string, string>>;

const refOf = ({ secret }: Step, name = kamafileName): ObjectRef => ({
  apiVersion: 'v1',
  kind: secret ? 'Secret' : 'ConfigMap',
  name,
});

/** Changes the variables of the install. Read, changed and written under the object's version, as often as somebody else comes in between. */
export const variablesKind: StepKindSpec<'variables'> = {
  preview: 'dry-run',
  check: (step, path) => treeIssues(step, path),
  needs: async (step, needs) => {
    await needs.object(refOf(step), ['get', 'patch']);
    await needs.creation(refOf(step));
  },
  execute: async (step, context) => {
    const ref = refOf(step);
    try {
      const written = await patiently(context, () => writeKamafile(step, ref, context));
      const operation = written.before === undefined ? 'created' : changed(written) ? 'configured' : 'unchanged';
      await context.log(`${objectName(ref)} ${operation}: ${summaryOf(step)}`);
      return { objects: [{ ...ref, operation }], space: step.space, level: step.level };
    } catch (error) {
      throw aboutObject(error, ref);
    }
  },
};

function writeKamafile(step: Step, ref: ObjectRef, context: StepContext) {
  const { run, clock } = context;
  const { apiVersion, kind } = ref;
  return fencedWrite(ref, context, async (before) => {
    const was = before ? dataOf(before) : await olderData(step, context);
    const data = changedData(step, was);
    if (before && data[step.space] === was[step.space]) return undefined;
    const { annotations: stamps, ...precondition } = stamp(run, before);
    const annotations = { ...stamps, [updatedAtAnnotation]: clock.now().toISOString() };
    const metadata = { name: ref.name, labels: kamafileLabels, annotations, ...precondition };
    if (before)
      return patchObject(ref, { metadata, data: encoded(step, { [step.space]: data[step.space] ?? '' }) }, context);
    return createOnce({ apiVersion, kind, metadata, data: encoded(step, data) } as KubeObject, ref, context);
  });
}

/** Every space is rewritten in its present form; only the one of the step has changed. @throws Fault kamafile_invalid */
function changedData(step: Step, was: Data): Data {
  const kamafile = parseKamafile(was);
  const space = kamafile.get(step.space) ?? emptySpace;
  const changedSpace = changeLevel(space, step.level, (vars) => change(step, vars));
  return kamafileData(new Map([...kamafile, [step.space, changedSpace]]));
}

function change({ merge, set, unset }: Step, vars: Vars): Vars {
  if (merge) return mergeVars(vars, deepOf(merge as Vars));
  return set ? deepOf(set as Vars) : unsetVars(vars, unset ?? []);
}

/** An install of the first generation has its state in a ConfigMap of another name; it is carried over with the first write. */
async function olderData(step: Step, { session, namespace, signal }: StepContext): Promise<Data> {
  if (step.secret) return {};
  try {
    const older = await session.get(refOf(step, olderKamafileName), namespace, signal);
    return older ? dataOf(older) : {};
  } catch (error) {
    // A policy that names `kamafile` only has no older one.
    if (hasCode(error, 'cluster_forbidden') || isKubeStatus(error, 404)) return {};
    throw error;
  }
}

function dataOf(object: KubeObject): Data {
  const data = (object['data'] ?? {}) as Data;
  if (object.kind !== 'Secret') return data;
  return Object.fromEntries(
    Object.entries(data).map(([name, value]) => [name, Buffer.from(value, 'base64').toString('utf8')]),
  );
}

const encoded = ({ secret }: Step, data: Data): Data =>
  secret
    ? Object.fromEntries(Object.entries(data).map(([name, value]) => [name, Buffer.from(value).toString('base64')]))
    : data;

/** Names only: values may be nobody's business. */
function summaryOf({ merge, set, unset, level, space }: Step): string {
  const names = Object.keys(merge ?? set ?? {}).concat(unset ?? []);
  const shown = names.slice(0, 10).join(', ') + (names.length > 10 ? ', …' : '');
  return `${merge ? 'merged' : set ? 'set' : 'unset'} ${shown || 'nothing'} in ${level} of space ${space}`;
}

/** What is nested too deep is found before anything runs. */
function treeIssues({ merge, set }: Step, path: string): PlanIssue[] {
  try {
    deepOf((merge ?? set ?? {}) as Vars);
    return [];
  } catch {
    return [{ path: `${path}.${merge ? 'merge' : 'set'}`, message: 'nested too deep' }];
  }
}
