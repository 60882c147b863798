import { Fault } from '@nm/kernel/fault';
import type { KubeSession, ObjectTarget } from '../session/kube-session.js';
import type { KubeObject } from '../transport/kube-types.js';
import { patchObject } from './patch-object.js';

/**
 * undoRevision puts a stateful or daemon set back to one of its controller revisions: the given one, else the one before the newest. What a
 * revision holds is the very patch that leads to it. @throws Fault kube_api with reason `NoRevision`
 */
export async function undoRevision(
  session: KubeSession,
  target: ObjectTarget,
  owner: { readonly uid: string },
  revision: number | undefined,
  fieldManager: string,
): Promise<void> {
  const { items } = await session.list({
    apiVersion: 'apps/v1',
    kind: 'ControllerRevision',
    namespace: target.namespace,
  });
  const revisions = items
    .filter((item) => item.metadata?.ownerReferences?.some(({ uid }) => uid === owner.uid))
    .sort((a, b) => numberOf(b) - numberOf(a));
  const found = revision === undefined ? revisions[1] : revisions.find((item) => numberOf(item) === revision);
  if (!found)
    throw new Fault('kube_api', {
      public: `${target.resource.kind} ${target.name} has no ${revision === undefined ? 'earlier revision' : `revision ${revision}`}.`,
      extra: { status: 404, reason: 'NoRevision' },
    });
  await patchObject(session, target, found['data'], { type: 'strategic', fieldManager });
}

const numberOf = (item: KubeObject): number => Number(item['revision'] ?? 0);
