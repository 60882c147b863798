import { randomFraction } from '@nm/kernel/ids';
import { backoffMs, systemClock } from '@nm/kernel/time';
import type { KubeSession, ObjectTarget } from '../session/kube-session.js';
import { isKubeStatus } from '../transport/kube-faults.js';
import { objectPath } from '../transport/kube-paths.js';
import { mergeDiff } from './merge-diff.js';

export type PatchType = 'merge' | 'json' | 'strategic' | 'apply';

export interface PatchOptions {
  /** `merge` when left out. Custom resources know no `strategic`. */
  readonly type?: PatchType;
  readonly fieldManager?: string;
  /** Of `apply`: take fields over from other managers. */
  readonly force?: boolean;
  /** Check and answer, store nothing. */
  readonly dryRun?: boolean;
  /** `status`, `scale`, … */
  readonly subresource?: string;
  readonly signal?: AbortSignal | undefined;
}

const contentTypes: Readonly<Record<PatchType, string>> = {
  merge: 'application/merge-patch+json',
  json: 'application/json-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
};
const conflictRetriesMax = 5;

/** patchObject sends one patch. @throws Fault kube_api and the like */
export function patchObject<T>(
  session: KubeSession,
  target: ObjectTarget,
  patch: unknown,
  options: PatchOptions = {},
): Promise<T> {
  const path = objectPath(target.resource, target.namespace, target.name);
  return session.request<T>('PATCH', options.subresource ? `${path}/${options.subresource}` : path, {
    query: {
      fieldManager: options.fieldManager,
      dryRun: options.dryRun ? 'All' : undefined,
      force: options.type === 'apply' ? (options.force ?? false) : undefined,
    },
    contentType: contentTypes[options.type ?? 'merge'],
    body: patch,
    signal: options.signal,
    idempotent: options.type !== 'json',
  });
}

/**
 * updateObject lets `change` work on a draft and sends the difference, bound to the version that the draft came from. After a conflict
 * (409) it reads again and changes that, five times at most, with growing pauses. Nothing is sent when nothing changed.
 */
export async function updateObject<T extends { metadata?: { resourceVersion?: string } }>(
  session: KubeSession,
  target: ObjectTarget,
  start: T,
  change: (draft: T) => void,
  options: PatchOptions = {},
): Promise<T> {
  let before = start;
  for (let attempt = 1; ; attempt++) {
    const draft = structuredClone(before);
    change(draft);
    const difference = mergeDiff(before, draft) as { metadata?: object } | undefined;
    if (difference === undefined) return before;
    const { resourceVersion } = before.metadata ?? {};
    const bound = {
      ...difference,
      metadata: { ...difference.metadata, ...(resourceVersion ? { resourceVersion } : {}) },
    };
    try {
      return await patchObject<T>(session, target, bound, { ...options, type: 'merge' });
    } catch (error) {
      if (!isKubeStatus(error, 409) || attempt > conflictRetriesMax) throw error;
      await systemClock.sleep(backoffMs(attempt, 50, 2_000, randomFraction()), options.signal);
      const newer = await session.read<T>(target, options.signal);
      if (newer === undefined) throw error;
      before = newer;
    }
  }
}
