import { isSafeMethod, type RouteClass } from '@nm/kernel/licensing';

/** KubeCall is what a request asks of a Kubernetes API, in the API server's own words. */
export interface KubeCall {
  /** get, list, watch, create, update, patch, delete, deletecollection; connect for what opens a stream into a pod or service. */
  readonly verb: string;
  /** `''` is the core group. */
  readonly group: string;
  readonly version: string;
  /** Plural name; `''` when the path is no resource (`/version`, `/openapi/v3`). */
  readonly resource: string;
  readonly subresource: string | undefined;
  readonly namespace: string | undefined;
  /** Of the object; of a path that is no resource the path itself. */
  readonly name: string | undefined;
  /** `read`; `validate`: asks about the asker alone; else `mutate`. */
  readonly routeClass: Extract<RouteClass, 'read' | 'validate' | 'mutate'>;
}

/** Subresources that open a stream into a pod, whatever the method. */
const connecting = new Set(['exec', 'attach', 'portforward']);
/** Questions that are asked by POST and change nothing (authorization.k8s.io, authentication.k8s.io). */
const selfReviews = new Set(['selfsubjectaccessreviews', 'selfsubjectrulesreviews', 'selfsubjectreviews']);
const reviewGroups = new Set(['authorization.k8s.io', 'authentication.k8s.io']);
/** Subresources of a namespace; anything else behind its name is a resource in it. */
const namespaceParts = new Set(['status', 'finalize']);
const pathCharsMax = 200;
/** `watch` is on unless it says no (Kubernetes reads booleans so). */
const watches = /[?&]watch(?:=(?!(?:0|false)(?:&|$))[^&]*)?(?:&|$)/i;

/**
 * kubeCallOf reads a request as the API server will (k8s.io/apiserver RequestInfo): percent-encoding is taken off each segment first. What cannot be
 * read counts as a change.
 * @param rest path and query behind `/proxy`
 * @param upgrades the client wants to switch protocols
 */
export function kubeCallOf(method: string, rest: string, upgrades: boolean): KubeCall {
  const query = rest.indexOf('?');
  const path = query < 0 ? rest : rest.slice(0, query);
  const segments = segmentsOf(path);
  const parts = segments && resourceOf(segments);
  if (!parts) return { ...plainCall(method, path), routeClass: segments && isSafeMethod(method) ? 'read' : 'mutate' };
  const { resource, subresource, group } = parts;
  const connects =
    (resource === 'pods' && subresource !== undefined && connecting.has(subresource)) ||
    (subresource === 'proxy' && (upgrades || !isSafeMethod(method)));
  const verb = connects ? 'connect' : verbOf(method, parts.name, query >= 0 && watches.test(rest.slice(query)));
  return {
    ...parts,
    verb,
    routeClass: classOf(method, connects, reviewGroups.has(group) && selfReviews.has(resource)),
  };
}

function classOf(method: string, connects: boolean, asksSelf: boolean): KubeCall['routeClass'] {
  if (connects) return 'mutate';
  if (isSafeMethod(method)) return 'read';
  return asksSelf && method === 'POST' ? 'validate' : 'mutate';
}

const plainCall = (method: string, path: string) => ({
  verb: verbOf(method, path, false),
  group: '',
  version: '',
  resource: '',
  subresource: undefined,
  namespace: undefined,
  name: path.slice(0, pathCharsMax),
});

function segmentsOf(path: string): string[] | undefined {
  const raw = path.split('/').filter((segment) => segment !== '');
  try {
    return path.includes('%') ? raw.map(decodeURIComponent) : raw;
  } catch {
    return undefined;
  }
}

type Parts = Omit<KubeCall, 'verb' | 'routeClass'>;

/** resourceOf reads `/api/:version/…` and `/apis/:group/:version/…`; undefined when there is no resource in the path. */
function resourceOf(segments: readonly string[]): Parts | undefined {
  const grouped = segments[0] === 'apis';
  if (!grouped && segments[0] !== 'api') return undefined;
  const [group = '', version = ''] = grouped ? segments.slice(1, 3) : ['', segments[1]];
  let rest = segments.slice(grouped ? 3 : 2);
  // The old form of watching: /api/v1/watch/…
  if (rest[0] === 'watch') rest = rest.slice(1);
  const inNamespace = rest[0] === 'namespaces' && rest[2] !== undefined && !namespaceParts.has(rest[2]);
  const namespace = inNamespace ? rest[1] : undefined;
  if (inNamespace) rest = rest.slice(2);
  const [resource, name, subresource] = rest;
  return resource === undefined ? undefined : { group, version, resource, name, subresource, namespace };
}

function verbOf(method: string, name: string | undefined, watching: boolean): string {
  switch (method) {
    case 'GET':
    case 'HEAD':
    case 'OPTIONS':
      if (watching) return 'watch';
      return name === undefined ? 'list' : 'get';
    case 'POST':
      return 'create';
    case 'PUT':
      return 'update';
    case 'DELETE':
      return name === undefined ? 'deletecollection' : 'delete';
    default:
      return method.toLowerCase();
  }
}
