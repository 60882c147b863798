import { type KubeManifest, type ObjectRef } from '@nm/kernel/contracts';

/** PlanIssue is one thing that is wrong with a plan, and where. */
export interface PlanIssue {
  readonly path: string;
  readonly message: string;
}

const apiVersionForm = /^(?:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?\/)?v[a-z0-9]{1,30}$/;
const kindForm = /^[A-Z][A-Za-z0-9]{0,62}$/;
const labelForm = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
/** Members that the API server owns; in a manifest they make an apply fail or mean something else. */
const serverOwned = ['managedFields', 'resourceVersion', 'uid', 'generateName', 'selfLink', 'creationTimestamp'];

/** refIssues looks at names that must fit in a path. */
export function refIssues(ref: ObjectRef, path: string): PlanIssue[] {
  const issues: PlanIssue[] = [];
  if (!apiVersionForm.test(ref.apiVersion)) issues.push({ path: `${path}.apiVersion`, message: 'not an apiVersion' });
  if (!kindForm.test(ref.kind)) issues.push({ path: `${path}.kind`, message: 'not a kind' });
  if (/[/%]/.test(ref.name) || ref.name === '.' || ref.name === '..')
    issues.push({ path: `${path}.name`, message: 'not a name' });
  if (ref.namespace !== undefined && !labelForm.test(ref.namespace))
    issues.push({ path: `${path}.namespace`, message: 'not a namespace' });
  return issues;
}

export function manifestIssues(manifest: KubeManifest, path: string): PlanIssue[] {
  const issues = refIssues(refOfManifest(manifest), path);
  if (manifest.kind.endsWith('List') && 'items' in manifest)
    issues.push({ path: `${path}.kind`, message: 'a list is not an object: put its items into the plan' });
  for (const member of serverOwned)
    if (member in manifest.metadata)
      issues.push({ path: `${path}.metadata.${member}`, message: 'the cluster sets this, a manifest must not' });
  return issues;
}

/** A path that a URL parser would change (dot segments, backslashes) could leave the service that it belongs to. */
export function serviceIssues(service: { readonly name: string; readonly path: string }, path: string): PlanIssue[] {
  const { pathname, search } = new URL(`http://service/proxy${service.path}`);
  return [
    ...(labelForm.test(service.name) ? [] : [{ path: `${path}.name`, message: 'not the name of a service' }]),
    ...(`/proxy${service.path}` === pathname + search
      ? []
      : [{ path: `${path}.path`, message: 'not a plain path: no dot segments, blanks or fragments' }]),
  ];
}

/** duplicates names what one step names twice. */
export function duplicates(refs: readonly ObjectRef[], path: string): PlanIssue[] {
  const seen = new Set<string>();
  return refs.flatMap((ref, i) => {
    const name = `${ref.apiVersion} ${ref.kind} ${ref.namespace ?? ''} ${ref.name}`;
    if (seen.has(name)) return [{ path: `${path}.${i}`, message: 'the same object is named twice in this step' }];
    seen.add(name);
    return [];
  });
}

/** refOfManifest names the object that a manifest describes. */
export const refOfManifest = ({ apiVersion, kind, metadata }: KubeManifest): ObjectRef => ({
  apiVersion,
  kind,
  name: metadata.name,
  ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }),
});
