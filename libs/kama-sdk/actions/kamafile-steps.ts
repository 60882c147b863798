import type { PlanStep } from '@nm/kernel/contracts';
import { type Kamafile, kamafileData, type Space, type VariableLevel, type Vars } from '@nm/kernel/kamafile';
import type { Clock } from '@nm/kernel/time';
import type { Bundle } from '../descriptors/bundle.js';
import { appSpace } from '../descriptors/bundle-files.js';
import { type Level, levels } from '../models/kamafile.js';
import type { KamafileReader, KamafileSpace } from '../resolve/ports.js';
import { equalValues, toBoolean } from '../values/coerce.js';
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
export function configMapSteps(object: KamafileObject, clock: Clock, bundle?: Bundle): KamafileSteps {
  const isSecret = bundle ? secretsOf(bundle) : () => false;
  return (changes, first) => {
    const whole = changes.filter(movesEntries);
    const rest = changes.filter((change) => !movesEntries(change));
    return [
      ...(whole.length > 0
        ? [
            patchOf(
              whole.map((change) => withoutSecrets(change, isSecret)),
              object,
              clock,
              first,
            ),
          ]
        : []),
      ...[...whole.map((change) => onlySecrets(change, isSecret)), ...rest].flatMap((change) =>
        variablesSteps(change, isSecret),
      ),
    ];
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

/** IsSecret tells of a variable, by its flat name, whether the app calls it a secret. */
type IsSecret = (space: string, key: string) => boolean;

/** secretsOf knows the variables that are labelled so in descriptors; what is below a secret is one too. */
function secretsOf(bundle: Bundle): IsSecret {
  const names = new Set(
    bundle.query('ManifestVariable').flatMap(({ id, config }) => {
      const [key, space] = [ownOf(config, 'flat_key') ?? id, ownOf(config, 'config_space') ?? ownOf(config, 'space')];
      return toBoolean(ownOf(config, 'secret')) ? [`${String(space ?? appSpace)} ${String(key)}`] : [];
    }),
  );
  return (space, key) => {
    for (let name = key; name !== ''; name = name.includes('.') ? name.slice(0, name.lastIndexOf('.')) : '')
      if (names.has(`${space} ${name}`)) return true;
    return false;
  };
}

/** What has been read has the secrets in it: they are never written back into the ConfigMap. */
const withoutSecrets = (change: SpaceChange, isSecret: IsSecret): SpaceChange =>
  filtered(change, (key) => !isSecret(change.space, key));
const onlySecrets = (change: SpaceChange, isSecret: IsSecret): SpaceChange =>
  filtered(change, (key) => isSecret(change.space, key));

function filtered({ space, before, after }: SpaceChange, keep: (key: string) => boolean): SpaceChange {
  const part = (content: KamafileSpace): KamafileSpace => ({
    ...content,
    ...Object.fromEntries(
      levels.map((level) => [
        level,
        flatToDeep(Object.fromEntries(Object.entries(flatOf(content[level])).filter(([key]) => keep(key)))),
      ]),
    ),
  });
  return { space, before: part(before), after: part(after) };
}

function variablesSteps(change: SpaceChange, isSecret: IsSecret): PlanStep[] {
  return [
    ...stepsOf(withoutSecrets(change, isSecret), {}),
    ...stepsOf(onlySecrets(change, isSecret), { secret: true }),
  ];
}

function stepsOf({ space, before, after }: SpaceChange, more: { readonly secret?: true }): PlanStep[] {
  return levels.flatMap((level) => {
    const [old, now] = [flatOf(before[level]), flatOf(after[level])];
    const place = { kind: 'variables' as const, space, level: levelNames[level], ...more };
    const what = more.secret ? 'secret variables' : 'variables';
    const merge = Object.entries(now).filter(
      ([key, value]) => !(Object.hasOwn(old, key) && equalValues(old[key], value)),
    );
    const unset = Object.keys(old).filter(
      (key) => !Object.hasOwn(now, key) && !merge.some(([name]) => name.startsWith(`${key}.`)),
    );
    return [
      ...(unset.length > 0 ? [{ ...place, title: `Unset ${what} of ${space}`, unset }] : []),
      ...(merge.length > 0
        ? [{ ...place, title: `Write ${what} of ${space}`, merge: Object.fromEntries(merge) as Vars }]
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
