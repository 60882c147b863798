import { Fault } from '@nm/kernel/fault';
import type { ApiResource } from './kube-types.js';

const apiVersionForm = /^(?:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?\/)?v[a-z0-9]{1,30}$/;

/** discoveryPath gives where a group and version list their resources. @throws Fault plan_invalid */
export function discoveryPath(apiVersion: string): string {
  if (!apiVersionForm.test(apiVersion)) throw invalid(`"${apiVersion}" is not an apiVersion`);
  return apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
}

/** objectPath gives the path of one object, or of the collection when `name` is left out. @throws Fault plan_invalid */
export function objectPath(resource: ApiResource, namespace: string | undefined, name?: string): string {
  let path = discoveryPath(resource.apiVersion);
  if (resource.namespaced && namespace !== undefined) path += `/namespaces/${segment(namespace)}`;
  else if (resource.namespaced && name !== undefined) throw invalid(`${resource.kind} ${name} has no namespace`);
  path += `/${resource.resource}`;
  return name === undefined ? path : `${path}/${segment(name)}`;
}

/** segment makes a name safe as one path segment, by the API server's own rule (path.IsValidPathSegmentName). */
export function segment(name: string): string {
  if (name === '' || name === '.' || name === '..' || /[/%]/.test(name)) throw invalid(`"${name}" is not a name`);
  return encodeURIComponent(name);
}

const invalid = (what: string): Fault =>
  new Fault('plan_invalid', { public: `${what}.`, extra: { issues: [{ path: '', message: what }] } });
