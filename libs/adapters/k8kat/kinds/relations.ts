import type { Condition } from '../query/condition.js';
import { field } from '../query/condition.js';
import { hasAll, type SelectorJson, selects, serviceSelects } from '../state/selector.js';
import type { Relation } from './kat-context.js';
import type { KindName } from './kind-map.js';
import type { Resource } from './resource.js';

/** inNamespacesOf narrows to the namespaces of the owners. */
export const inNamespacesOf = (owners: readonly Resource[]): Condition => ({
  is: 'namespace',
  op: 'in',
  values: [...new Set(owners.map(({ ns }) => ns))],
});

/** childrenOf leads to what the owner controls directly, by owner reference. */
export const childrenOf = <N extends KindName>(to: N, words: string): Relation<Resource, N> => ({
  to,
  words,
  resolve: (owners) => ({
    narrow: [inNamespacesOf(owners), { is: 'owner', uids: owners.map(({ uid }) => uid) }],
    holds: (owner, other) => isChild(owner, other as Resource),
  }),
});

const isChild = (owner: { readonly uid: string }, other: Resource): boolean =>
  other.owners.some(({ uid }) => uid === owner.uid);

/** ownersOf leads to the objects of one kind that control this one directly. */
export const ownersOf = <N extends KindName>(to: N, kind: string, words: string): Relation<Resource, N> => ({
  to,
  words,
  resolve: (children) => {
    const names = children.flatMap(({ owners }) =>
      owners.filter((owner) => owner.kind === kind).map(({ name }) => name),
    );
    if (names.length === 0) return null;
    return {
      narrow: [inNamespacesOf(children), { is: 'name', op: 'in', values: [...new Set(names)] }],
      holds: (child, owner) => isChild(owner as Resource, child),
    };
  },
});

/** eventsOf leads to what happened to this very object, not to one that had its name before. */
export const eventsOf: Relation<Resource, 'events'> = {
  to: 'events',
  words: 'events of these',
  resolve: (owners) => {
    const [only, ...more] = owners;
    const uids = new Set(owners.map(({ uid }) => uid));
    const one = only && more.length === 0 ? [field('involvedObject.uid', only.uid)] : [];
    // Events of what lives in no namespace are in `default`.
    const namespaces = [...new Set(owners.map(({ ns }) => ns || 'default'))];
    return {
      narrow: [{ is: 'namespace', op: 'in', values: namespaces }, ...one],
      holds: (owner, event) => uids.has(owner.uid) && event.raw.involvedObject.uid === owner.uid,
    };
  },
};

/** namedBy leads to objects that this one names: a volume's config map, a pod's node. */
export const namedBy = <From extends Resource, N extends KindName>(
  to: N,
  words: string,
  names: (owner: From) => readonly string[],
  options: { readonly clusterWide?: boolean } = {},
): Relation<From, N> => ({
  to,
  words,
  resolve: (owners) => {
    const all = [...new Set(owners.flatMap(names))];
    if (all.length === 0) return null;
    const within = options.clusterWide ? [] : [inNamespacesOf(owners)];
    return {
      narrow: [...within, { is: 'name', op: 'in', values: all }],
      holds: (owner, other) => {
        const { ns, name } = other as Resource;
        return names(owner).includes(name) && (options.clusterWide === true || ns === owner.ns);
      },
    };
  },
});

/** selectedPods leads to the pods that a selector chooses: a budget's, a policy's. */
export const selectedPods = <From extends Resource>(
  words: string,
  selectorOf: (owner: From) => SelectorJson | undefined,
): Relation<From, 'pods'> => ({
  to: 'pods',
  words,
  resolve: (owners) => ({
    narrow: [inNamespacesOf(owners), ...sharedPairs(owners.map((owner) => selectorOf(owner)?.matchLabels ?? {}))],
    holds: (owner, pod) => pod.ns === owner.ns && selects(selectorOf(owner), pod.labels),
  }),
});

/** sharedPairs gives label conditions that hold for all: those of a single selector, or none of several. */
export function sharedPairs(selectors: readonly Readonly<Record<string, string>>[]): Condition[] {
  const [only, ...more] = selectors;
  if (!only || more.some((other) => !(hasAll(only, other) && hasAll(other, only)))) return [];
  return Object.entries(only).map(([key, value]) => ({ is: 'label', key, op: 'in', values: [value] }));
}

/** servicesOf leads to the services that send to a pod, or to the pods that a template makes. */
export const servicesOf = <From extends Resource>(
  words: string,
  labelsOf: (owner: From) => Readonly<Record<string, string>>,
): Relation<From, 'svcs'> => ({
  to: 'svcs',
  words,
  resolve: (owners) => ({
    narrow: [inNamespacesOf(owners)],
    holds: (owner, svc) => svc.ns === owner.ns && serviceSelects(svc.selector, labelsOf(owner)),
  }),
});

/** inNamespace leads to everything of a kind in a namespace. */
export const inNamespace = <N extends KindName>(to: N, words: string): Relation<Resource, N> => ({
  to,
  words,
  resolve: (namespaces) => ({
    narrow: [{ is: 'namespace', op: 'in', values: namespaces.map(({ name }) => name) }],
    holds: (namespace, other) => (other as Resource).ns === namespace.name,
  }),
});
