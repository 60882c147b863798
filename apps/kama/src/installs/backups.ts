import { RunPlan } from '@nm/kernel/contracts';
import { kamafileLabels } from '@nm/kernel/kamafile';
import type { Clock } from '@nm/kernel/time';
import { z } from 'zod';
import { newOperationToken } from '../server/new-operation-token.js';

/** The ConfigMap that holds copies of the Kamafile, one a key. */
export const backupsName = 'kamafile-backups';
const backupsMax = 20;
/** Of all copies; a ConfigMap holds 1 MiB. */
const bytesMax = 700 * 1024;

/** Where copies can be kept: one place, which every install has. */
export const backupStores = [
  { id: 'sdk.telem-delegate-meta.on-cluster', title: 'On the cluster', info: 'A ConfigMap beside the Kamafile' },
] as const;
export const storePreference = 'telem-delegate-meta-key';

const Spaces = z.record(z.string(), z.record(z.string(), z.unknown()));
const Kept = z.object({
  name: z.string(),
  trigger: z.enum(['user', 'auto']),
  timestamp: z.string(),
  data: Spaces,
});

/** Backup is a copy of what the Kamafile held, by space. What is in the Secret is not in it. */
export interface Backup extends z.infer<typeof Kept> {
  readonly id: string;
}

/** backupsOf reads copies, the newest first; what is no copy is passed over. */
export function backupsOf(data: Readonly<Record<string, string>>): Backup[] {
  const found = Object.entries(data).flatMap(([id, text]) => {
    const kept = Kept.safeParse(parsed(text));
    return kept.success ? [{ id, ...kept.data }] : [];
  });
  return found.sort((left, right) => (left.timestamp < right.timestamp ? 1 : -1));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const member = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? ((value as Record<string, unknown>)[name] ?? null) : null;

/** backupView is a copy in a list. */
export function backupView({ id, name, trigger, timestamp, data }: Backup) {
  const bySpace = (read: (space: Record<string, unknown>) => unknown) =>
    Object.fromEntries(Object.entries(data).map(([space, content]) => [space, read(content)]));
  return {
    ...{ id, name, trigger, timestamp },
    statuses: bySpace((space) => space['status'] ?? null),
    ktea_versions: bySpace((space) => member(space['ktea'], 'version')),
    kama_versions: bySpace((space) => member(space['kama'], 'version')),
  };
}

/** backupDetail is a copy with what was in it, tokens excepted. */
export function backupDetail(backup: Backup) {
  const config = Object.entries(backup.data).map(([space, { install_token: _, ...content }]) => [space, content]);
  return { ...backupView(backup), config: Object.fromEntries(config) };
}

export interface KeptData {
  /** Of the Kamafile, without what is in the Secret. */
  readonly kamafile: Readonly<Record<string, string>>;
  /** Of the ConfigMap of copies; none when there is no such ConfigMap. */
  readonly backups: Readonly<Record<string, string>> | undefined;
}

/** NewBackup is a copy that a run can keep. */
export interface NewBackup {
  readonly record: Backup;
  readonly steps: RunPlan['steps'];
}

/** newBackup makes a copy, and room for it: the oldest that nobody asked for go first. None when there is nothing to copy, or it is too large. */
export function newBackup(
  { kamafile, backups }: KeptData,
  { trigger, name }: { readonly trigger: 'user' | 'auto'; readonly name: string },
  clock: Clock,
): NewBackup | undefined {
  const data = Object.fromEntries(
    Object.entries(kamafile).flatMap(([space, text]) => {
      const content = parsed(text);
      return typeof content === 'object' && content !== null && !Array.isArray(content) ? [[space, content]] : [];
    }),
  ) as Backup['data'];
  const timestamp = clock.now().toISOString();
  const id = `${timestamp.replaceAll(/[-:.]/g, '')}-${newOperationToken()}`;
  const text = JSON.stringify({ name, trigger, timestamp, data });
  if (Object.keys(data).length === 0 || Buffer.byteLength(text) > bytesMax) return undefined;
  const gone = tooMany(backups ?? {}, Buffer.byteLength(text));
  const map = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: backupsName, labels: { ...kamafileLabels } } };
  const create = { kind: 'apply', title: 'Make a place for backups', manifests: [map] };
  const patch = {
    kind: 'patch',
    title: 'Back up the Kamafile',
    ref: { apiVersion: 'v1', kind: 'ConfigMap', name: backupsName },
    patch: { data: { ...Object.fromEntries(gone.map((each) => [each, null])), [id]: text } },
  };
  const { steps } = RunPlan.parse({ steps: [...(backups ? [] : [create]), patch] });
  return { record: { id, name, trigger, timestamp, data }, steps };
}

/** withoutBackups is what deletes every copy: none when there is nothing to delete. The ConfigMap stays, because a Role may not let it be deleted. */
export function withoutBackups(backups: KeptData['backups']): RunPlan['steps'] | undefined {
  const ids = Object.keys(backups ?? {});
  if (ids.length === 0) return undefined;
  const ref = { apiVersion: 'v1', kind: 'ConfigMap', name: backupsName };
  const patch = { data: Object.fromEntries(ids.map((id) => [id, null])) };
  return RunPlan.parse({ steps: [{ kind: 'patch', title: 'Delete all backups', ref, patch }] }).steps;
}

function tooMany(backups: Readonly<Record<string, string>>, coming: number): string[] {
  const known = backupsOf(backups).toReversed();
  const victims = [
    ...known.filter((each) => each.trigger === 'auto'),
    ...known.filter((each) => each.trigger === 'user'),
  ];
  const unread = Object.keys(backups).filter((id) => !known.some((each) => each.id === id));
  let bytes = coming + known.reduce((total, { id }) => total + Buffer.byteLength(backups[id] ?? ''), 0);
  let count = known.length + 1;
  const gone: string[] = [];
  for (const { id } of victims) {
    if (count <= backupsMax && bytes <= bytesMax) break;
    gone.push(id);
    count--;
    bytes -= Buffer.byteLength(backups[id] ?? '');
  }
  return [...unread, ...gone];
}
