/** A request to a KAMA, as its raw URL names it. */
export interface KamaPath {
  readonly org: string;
  readonly app: string;
  /** Version or channel after `@`; undefined for the default channel. */
  readonly selector: string | undefined;
  /** Raw request target for the KAMA, query included, byte for byte as it came. */
  readonly rest: string;
}

/** A request to a cluster's Kubernetes API. */
export interface ClusterPath {
  readonly clusterId: string;
  readonly rest: string;
}

const slug = /^[a-z0-9](?:[a-z0-9.-]{0,61}[a-z0-9])?$/;
const clusterIdForm = /^[0-9a-z_]{1,64}$/;

/**
 * Two servers that read these differently would disagree on what a path means, so none of them passes: backslashes, control bytes and a
 * fragment; an encoded slash, backslash or control byte; a malformed escape; an empty segment.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control bytes are what it looks for
const refusedBytes = /[\\#\x00-\x20\x7f]|%(?:2f|5c|[01][0-9a-f]|7f)|%(?![0-9a-f]{2})|\/\//i;
/** A segment of one or two dots, each plain or encoded, alone or before matrix parameters (`..;x`). */
const dotSegment = /\/(?:\.|%2e){1,2}(?:[/;]|$)/i;

/** safePath checks the path part of a raw request target. */
const safePath = (path: string): boolean => !refusedBytes.test(path) && !dotSegment.test(path);

/** The part of a raw target before its query. */
function pathOf(rawUrl: string): string {
  const query = rawUrl.indexOf('?');
  return query < 0 ? rawUrl : rawUrl.slice(0, query);
}

/** restOf cuts `prefixLength` characters off and makes the remainder a request target of its own. */
function restOf(rawUrl: string, prefixLength: number): string {
  const rest = rawUrl.slice(prefixLength);
  return rest.startsWith('/') ? rest : `/${rest}`;
}

const kamaPrefix = '/kama/';
const clustersPrefix = '/clusters/';

/**
 * parseKamaPath reads `/kama/:org/:app[@selector][/rest][?query]` from the raw request target, decoding nothing.
 * @returns undefined when the path is not one that we accept (`invalid_path`)
 */
export function parseKamaPath(rawUrl: string): KamaPath | undefined {
  const path = pathOf(rawUrl);
  if (!path.startsWith(kamaPrefix) || !safePath(path)) return undefined;
  const orgEnd = path.indexOf('/', kamaPrefix.length);
  if (orgEnd < 0) return undefined;
  const slash = path.indexOf('/', orgEnd + 1);
  const appEnd = slash < 0 ? path.length : slash;
  const org = path.slice(kamaPrefix.length, orgEnd);
  const name = path.slice(orgEnd + 1, appEnd);
  const at = name.indexOf('@');
  const app = at < 0 ? name : name.slice(0, at);
  const selector = at < 0 ? undefined : name.slice(at + 1);
  if (!slug.test(org) || !slug.test(app) || (selector !== undefined && !slug.test(selector))) return undefined;
  return { org, app, selector, rest: restOf(rawUrl, appEnd) };
}

/** parseClusterPath reads `/clusters/:id/proxy[/rest][?query]`, likewise. */
export function parseClusterPath(rawUrl: string): ClusterPath | undefined {
  const path = pathOf(rawUrl);
  if (!path.startsWith(clustersPrefix) || !safePath(path)) return undefined;
  const idEnd = path.indexOf('/', clustersPrefix.length);
  if (idEnd < 0) return undefined;
  const clusterId = path.slice(clustersPrefix.length, idEnd);
  const end = idEnd + '/proxy'.length;
  if (!clusterIdForm.test(clusterId) || path.slice(idEnd, end) !== '/proxy') return undefined;
  if (end < path.length && path[end] !== '/') return undefined;
  return { clusterId, rest: restOf(rawUrl, end) };
}
