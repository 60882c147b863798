import type { PlanStep } from '@nm/kernel/contracts';
import { type Kamafile, kamafileData, type Space, type VariableLevel, type Vars } from '@nm/kernel/kamafile';
import type { Clock } from '@nm/kernel/time';
import { type Level, levels } from '../models/kamafile.js';
import type { KamafileReader, KamafileSpace } from '../resolve/ports.js';
import { equalValues } from '../values/coerce.js';
import { type Dict, deepToFlat, flatToDeep, ownOf } from '../values/dict.js';
import type { SpaceChange } from './pending-kamafile.js';
import type { BackupSteps, KamafileSteps } from './planning.js';

/** kamafileReader reads from a Kamafile that has been fetched. */
export const kamafileReader = (kamafile: Kamafile): KamafileReader => ({
  read: (name) => {
    const space = kamafile.get(name);
    return Promise.resolve(space && contentOf(space));
  },
});

const contentOf = ({ fields, levels: vars, prefs }: Space): KamafileSpace => ({
  default_vars: vars.default_vars,
  vendor_injection_vars: vars.publisher_injection_vars,
  user_injection_vars: vars.user_injection_vars,
  user_vars: vars.user_vars,
  prefs,
  entries: fields,
});

const levelNames: Readonly<Record<Level, VariableLevel>> = {
  default_vars: 'default_vars',
  vendor_injection_vars: 'publisher_injection_vars',
  user_injection_vars: 'user_injection_vars',
  user_vars: 'user_vars',
};

function spaceOf(content: KamafileSpace): Space {
  const vars = levels.map((level) => [levelNames[level], flatToDeep(content[level])] as const);
  return {
    fields: content.entries as Space['fields'],
    levels: Object.fromEntries(vars) as unknown as Space['levels'],
    prefs: content.prefs as Vars,
  };
}

const spaceText = (content: KamafileSpace): string =>
  kamafileData(new Map([['space', spaceOf(content)]]))['space'] ?? '{}';

/** What is known of the ConfigMap that holds the Kamafile. */
export interface KamafileObject {
  readonly name?: string;
  /** As it was when the Kamafile was read: a run refuses to write over what has changed since. */
  readonly resourceVersion?: string;
}

/**
 * configMapSteps writes changes of variables as `variables` steps, each key that changed and no other, so that two changes at once both count. What
 * is more than variables, such as the engine of a release, goes in one patch of the ConfigMap that the API server refuses when somebody else was
 * faster; a run that fails later puts it back.
 */
export function configMapSteps(object: KamafileObject, clock: Clock): KamafileSteps {
  return (changes, first) => {
    const whole = changes.filter(movesEntries);
    const rest = changes.filter((change) => !movesEntries(change));
    return [...(whole.length > 0 ? [patchOf(whole, object, clock, first)] : []), ...rest.flatMap(variablesSteps)];
  };
}

const movesEntries = ({ before, after }: SpaceChange): boolean =>
  !equalValues(before.entries, after.entries) || !equalValues(before.prefs, after.prefs);

function patchOf(changes: readonly SpaceChange[], object: KamafileObject, clock: Clock, first: boolean): PlanStep {
  const ref = { apiVersion: 'v1', kind: 'ConfigMap', name: object.name ?? 'kamafile' };
  const data = (text: (change: SpaceChange) => string) =>
    Object.fromEntries(changes.map((change) => [change.space, text(change)]));
  const metadata = {
    annotations: { updated_at: clock.now().toISOString() },
    ...(first && object.resourceVersion !== undefined ? { resourceVersion: object.resourceVersion } : {}),
  };
  const back = {
    kind: 'patch' as const,
    title: 'Put the Kamafile back',
    ref,
    patch: { data: data(({ before }) => spaceText(before)) },
  };
  const moved = changes.some(
    ({ before, after }) => !equalValues(ownOf(before.entries, 'ktea'), ownOf(after.entries, 'ktea')),
  );
  return {
    kind: 'patch',
    title: 'Write the Kamafile',
    ref,
    patch: { metadata, data: data(({ after }) => spaceText(after)) },
    ...(moved ? { undo: [back] } : {}),
  };
}

function variablesSteps({ space, before, after }: SpaceChange): PlanStep[] {
  return levels.flatMap((level) => {
    const [old, now] = [flatOf(before[level]), flatOf(after[level])];
    const place = { kind: 'variables' as const, space, level: levelNames[level] };
    const merge = Object.entries(now).filter(
      ([key, value]) => !(Object.hasOwn(old, key) && equalValues(old[key], value)),
    );
    const unset = Object.keys(old).filter(
      (key) => !Object.hasOwn(now, key) && !merge.some(([name]) => name.startsWith(`${key}.`)),
    );
    return [
      ...(unset.length > 0 ? [{ ...place, title: `Unset variables of ${space}`, unset }] : []),
      ...(merge.length > 0
        ? [{ ...place, title: `Write variables of ${space}`, merge: Object.fromEntries(merge) as Vars }]
        : []),
    ] as PlanStep[];
  });
}

const flatOf = (vars: Dict): Dict => deepToFlat(flatToDeep(vars));

/** configMapBackup keeps a copy of every space in a ConfigMap of its own. */
export function configMapBackup(kamafile: Kamafile, name: string, clock: Clock): BackupSteps {
  return (trigger) => [
    {
      kind: 'apply',
      title: 'Back up the Kamafile',
      manifests: [
        {
          apiVersion: 'v1',
          kind: 'ConfigMap',
          metadata: {
            name,
            labels: { managed_by: 'nmachine', 'nmachine.io/backup': trigger },
            annotations: { 'nmachine.io/created-at': clock.now().toISOString() },
          },
          data: kamafileData(kamafile),
        },
      ],
    },
  ];
}
