import type { PlanStep } from '@nm/kernel/contracts';
import type { Clock } from '@nm/kernel/time';
import type { KamafileSpace } from '../resolve/ports.js';
import { equalValues } from '../values/coerce.js';
import { ownOf } from '../values/dict.js';
import type { SpaceChange } from './pending-kamafile.js';
import type { BackupSteps, KamafileSteps } from './planning.js';

/** What is known of the ConfigMap that holds the Kamafile. */
export interface KamafileObject {
  readonly name?: string;
  /** As it was when the Kamafile was read: a run refuses to write over what has changed since. */
  readonly resourceVersion?: string;
}

/** spaceText is a space as it stands in the ConfigMap. */
export const spaceText = ({ entries, prefs, ...vars }: KamafileSpace): string =>
  JSON.stringify({ ...entries, ...vars, prefs });

/** movesEngine tells a change that a failed run takes back: another engine, or its defaults. */
const movesEngine = ({ before, after }: SpaceChange): boolean =>
  !equalValues(ownOf(before.entries, 'ktea'), ownOf(after.entries, 'ktea')) ||
  !equalValues(before.default_vars, after.default_vars);

/** configMapSteps writes a Kamafile that is one ConfigMap with one key per space, by a patch that the API server refuses when somebody else was faster. */
export function configMapSteps(object: KamafileObject, clock: Clock): KamafileSteps {
  const ref = { apiVersion: 'v1', kind: 'ConfigMap', name: object.name ?? 'kamafile' };
  return (changes, first) => {
    const data = (text: (change: SpaceChange) => string) =>
      Object.fromEntries(changes.map((change) => [change.space, text(change)]));
    const metadata = {
      annotations: { updated_at: clock.now().toISOString() },
      ...(first && object.resourceVersion !== undefined ? { resourceVersion: object.resourceVersion } : {}),
    };
    const back = {
      kind: 'patch',
      title: 'Put the Kamafile back',
      ref,
      patch: { data: data(({ before }) => spaceText(before)) },
    } as const;
    const step = {
      kind: 'patch',
      title: 'Write the Kamafile',
      ref,
      patch: { metadata, data: data(({ after }) => spaceText(after)) },
      ...(changes.some(movesEngine) ? { undo: [back] } : {}),
    } as const;
    return [step as unknown as PlanStep];
  };
}

/** configMapBackup keeps a copy of every space in a ConfigMap of its own. */
export function configMapBackup(spaces: ReadonlyMap<string, KamafileSpace>, name: string, clock: Clock): BackupSteps {
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
          data: Object.fromEntries([...spaces].map(([space, content]) => [space, spaceText(content)])),
        },
      ],
    },
  ];
}
