import type { KubeManifest, ObjectRef, RbacPolicy, RbacRule } from '@nm/kernel/contracts';

/** What names everything that an install has on its cluster. */
export interface InstallPlace {
  readonly installId: string;
  readonly namespace: string;
  /** Also the prefix of every Role and binding. */
  readonly serviceAccount: string;
}

const rbacVersion = 'rbac.authorization.k8s.io/v1';
const rbacGroup = 'rbac.authorization.k8s.io';

/** Marks what is ours; `managed_by: nmachine` is the label that KAMA clients know a namespace by. */
const labelsOf = ({ installId }: InstallPlace) => ({ managed_by: 'nmachine', 'nmachine.io/install': installId });

export const namespaceRef = ({ namespace }: InstallPlace): ObjectRef => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  name: namespace,
});

/** namespaceManifest says only that the namespace is managed here, so an existing one keeps everything else of itself. */
export const namespaceManifest = (place: InstallPlace): KubeManifest => ({
  ...headOf(namespaceRef(place)),
  metadata: { name: place.namespace, labels: { managed_by: 'nmachine' } },
});

/**
 * identityManifests are the ServiceAccount and the policy of a version bound to it, in the order in which they must be applied.
 * Cluster-wide ones carry the install's prefix, so two installs never share or overwrite one.
 */
export function identityManifests(place: InstallPlace, policy: RbacPolicy): KubeManifest[] {
  const labels = labelsOf(place);
  const subjects = [{ kind: 'ServiceAccount', name: place.serviceAccount, namespace: place.namespace }];
  const [serviceAccount, ...rest] = identityRefs(place, policy);
  const rulesOf = new Map<string, readonly RbacRule[]>([
    ...policy.roles.map(({ name, rules }) => [`Role/${roleName(place, name)}`, rules] as const),
    ...policy.clusterRoles.map(({ name, rules }) => [`ClusterRole/${roleName(place, name)}`, rules] as const),
  ]);
  return [
    ...(serviceAccount ? [{ ...headOf(serviceAccount), metadata: metadataOf(serviceAccount, labels) }] : []),
    ...rest.map((ref) => {
      const metadata = metadataOf(ref, labels);
      const rules = rulesOf.get(`${ref.kind}/${ref.name}`);
      if (rules) return { ...headOf(ref), metadata, rules };
      const roleRef = { apiGroup: rbacGroup, kind: ref.kind.replace('Binding', ''), name: ref.name };
      return { ...headOf(ref), metadata, roleRef, subjects };
    }),
  ];
}

/** identityRefs names the same objects; a binding has the name of its role. */
export function identityRefs(place: InstallPlace, policy: RbacPolicy): ObjectRef[] {
  const { namespace } = place;
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', name: place.serviceAccount, namespace },
    ...policy.roles.flatMap((role) =>
      ['Role', 'RoleBinding'].map((kind) => ({
        apiVersion: rbacVersion,
        kind,
        name: roleName(place, role.name),
        namespace,
      })),
    ),
    ...policy.clusterRoles.flatMap((role) =>
      ['ClusterRole', 'ClusterRoleBinding'].map((kind) => ({
        apiVersion: rbacVersion,
        kind,
        name: roleName(place, role.name),
      })),
    ),
  ];
}

const roleName = (place: InstallPlace, name: string): string => `${place.serviceAccount}-${name}`;
const headOf = ({ apiVersion, kind }: ObjectRef) => ({ apiVersion, kind });
const metadataOf = ({ name, namespace }: ObjectRef, labels: Readonly<Record<string, string>>) => ({
  name,
  ...(namespace === undefined ? {} : { namespace }),
  labels,
});
