import type { AccessQuestion, KubeSession } from '@nm/adapters/k8kat';
import type { PermissionCheck, RbacPolicy } from '@nm/kernel/contracts';
import { grantsOf, mayGrantAnything, type NeededPermission, neededToGrant, neededToProvision } from './needed.js';

const questionsMax = 400;
const parallelMax = 6;

/**
 * askPermissions asks the cluster's own authoriser (SelfSubjectAccessReview) whether a credential may provision an install of a version.
 * An administrator is recognised by one question. Past the limit of questions a permission counts as missing, and says so.
 */
export async function askPermissions(
  session: KubeSession,
  policy: RbacPolicy,
  namespace: string,
): Promise<PermissionCheck[]> {
  const asker = new Asker(session);
  const isAdmin = await asker.ask({ verb: '*', group: '*', resource: '*' });
  const exists = await namespaceExists(session, namespace);
  const provision = neededToProvision(policy, namespace, exists === false);
  const grants = grantsOf(policy, namespace);
  const all = [...provision, ...grants.flatMap(neededToGrant)];
  if (isAdmin.allowed) return unique(all).map((needed) => checkOf(needed, { allowed: true, reason: undefined }));
  const free = new Set<string | undefined>();
  for (const scope of new Set(grants.map((grant) => grant.namespace))) {
    const rights = await Promise.all(mayGrantAnything(scope).map((question) => asker.ask(question)));
    if (rights.every((right) => right.allowed)) free.add(scope);
  }
  const asked = [...provision, ...grants.filter((grant) => !free.has(grant.namespace)).flatMap(neededToGrant)];
  return inParallel(unique(asked), async (needed) => checkOf(needed, await asker.ask(needed)));
}

/** Undefined when the credential may not look. */
async function namespaceExists(session: KubeSession, name: string): Promise<boolean | undefined> {
  try {
    return (await session.get({ apiVersion: 'v1', kind: 'Namespace', name })) !== undefined;
  } catch {
    return undefined;
  }
}

interface Answer {
  readonly allowed: boolean;
  readonly reason: string | undefined;
}

class Asker {
  readonly #session: KubeSession;
  #asked = 0;

  constructor(session: KubeSession) {
    this.#session = session;
  }

  async ask(question: AccessQuestion): Promise<Answer> {
    if (++this.#asked > questionsMax)
      return { allowed: false, reason: `not asked: more than ${questionsMax} permissions` };
    return this.#session.can(question);
  }
}

const keyOf = (needed: NeededPermission): string =>
  [needed.verb, needed.group, needed.resource, needed.namespace, needed.name].join('\n');

const unique = (needed: readonly NeededPermission[]): NeededPermission[] => [
  ...new Map(needed.map((each) => [keyOf(each), each])).values(),
];

const checkOf = (needed: NeededPermission, { allowed, reason }: Answer): PermissionCheck => ({
  verb: needed.verb,
  apiGroup: needed.group,
  resource: needed.resource,
  ...(needed.namespace === undefined ? {} : { namespace: needed.namespace }),
  ...(needed.name === undefined ? {} : { name: needed.name }),
  allowed,
  ...(reason === undefined ? {} : { reason: reason.slice(0, 300) }),
  purpose: needed.purpose,
});

async function inParallel<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let index = next++; index < items.length; index = next++) results[index] = await work(items[index] as T);
  };
  await Promise.all(Array.from({ length: parallelMax }, lane));
  return results;
}
