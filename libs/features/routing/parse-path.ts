/** A request to a KAMA or a KTEA, as its raw URL names it. */
export interface AppPath {
  readonly kind: 'kama' | 'ktea';
  /** `org/app`, as the directory knows apps. */
  readonly appPath: string;
  /** Version or channel; undefined for the default channel. */
  readonly selector: string | undefined;
  /** What comes before `rest`: `/kama/acme/guestbook@1`. */
  readonly prefix: string;
  /** Raw request target for the app, query included, byte for byte as it came. */
  readonly rest: string;
  /** `rest` holds an encoded slash or backslash: only a version that says so gets such a path. */
  readonly encodedSlashes: boolean;
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
 * fragment; an encoded control byte; a malformed escape; an empty segment, also between encoded slashes.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control bytes are what it looks for
const refusedBytes = /[\\#\x00-\x20\x7f]|%(?:[01][0-9a-f]|7f)|%(?![0-9a-f]{2})|(?:\/|%2f|%5c){2}/i;
/** A segment of one or two dots, each plain or encoded, between slashes of either kind, alone or before matrix parameters (`..;x`). */
const dotSegment = /(?:\/|%2f|%5c)(?:\.|%2e){1,2}(?:[/;]|%2f|%5c|$)/i;
const encodedSlash = /%(?:2f|5c)/i;

/** safePath checks the path part of a raw request target; encoded slashes are left to the caller. */
const safePath = (path: string): boolean => isPlain(path) || (!refusedBytes.test(path) && !dotSegment.test(path));

/** Letters, digits and marks that mean nothing to anybody: 1. Slashes: 2. All else: 0. */
const byteKinds = Uint8Array.from({ length: 128 }, (_, byte) => {
  const char = String.fromCharCode(byte);
  return /[A-Za-z0-9_~!$&'()*+,=:@-]/.test(char) ? 1 : char === '/' ? 2 : 0;
});
const dot = 0x2e;

/** isPlain knows most paths as safe without a closer look: nothing encoded, no empty segment, none that begins with a dot, and nothing unusual. */
function isPlain(path: string): boolean {
  let before = 1;
  for (let i = 0; i < path.length; i++) {
    const byte = path.charCodeAt(i);
    let kind = byte < 128 ? (byteKinds[byte] as number) : 0;
    if (byte === dot && before === 1) kind = 1;
    if (kind === 0 || (kind === 2 && before === 2)) return false;
    before = kind;
  }
  return true;
}

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
const kteaPrefix = '/ktea/';
const clustersPrefix = '/clusters/';

/**
 * parseAppPath reads `/kama/:org/:app[@selector][/rest][?query]` or `/ktea/:org/:engine/:selector[/rest][?query]` from the raw request target,
 * decoding nothing.
 * @returns undefined when the path is not one that we accept (`invalid_path`)
 */
export function parseAppPath(rawUrl: string): AppPath | undefined {
  const path = pathOf(rawUrl);
  if (!safePath(path)) return undefined;
  if (path.startsWith(kamaPrefix)) return parseKama(rawUrl, path);
  return path.startsWith(kteaPrefix) ? parseKtea(rawUrl, path) : undefined;
}

function parseKama(rawUrl: string, path: string): AppPath | undefined {
  const start = kamaPrefix.length;
  const orgEnd = path.indexOf('/', start);
  if (orgEnd < 0) return undefined;
  const slash = path.indexOf('/', orgEnd + 1);
  const end = slash < 0 ? path.length : slash;
  const at = path.indexOf('@', orgEnd + 1);
  const appEnd = at < 0 || at > end ? end : at;
  const selector = appEnd === end ? undefined : path.slice(appEnd + 1, end);
  if (!slug.test(path.slice(start, orgEnd)) || !slug.test(path.slice(orgEnd + 1, appEnd))) return undefined;
  if (selector !== undefined && !slug.test(selector)) return undefined;
  return appPathOf('kama', rawUrl, path, path.slice(start, appEnd), selector, end);
}

function parseKtea(rawUrl: string, path: string): AppPath | undefined {
  const [, , org = '', app = '', selector = ''] = path.split('/', 5);
  if (!slug.test(org) || !slug.test(app) || !slug.test(selector)) return undefined;
  const appPath = `${org}/${app}`;
  return appPathOf('ktea', rawUrl, path, appPath, selector, kteaPrefix.length + appPath.length + 1 + selector.length);
}

const appPathOf = (
  kind: AppPath['kind'],
  rawUrl: string,
  path: string,
  appPath: string,
  selector: string | undefined,
  end: number,
): AppPath => ({
  kind,
  appPath,
  selector,
  prefix: path.slice(0, end),
  rest: restOf(rawUrl, end),
  encodedSlashes: path.includes('%') && encodedSlash.test(path),
});

/** parseClusterPath reads `/clusters/:id/proxy[/rest][?query]`, likewise. */
export function parseClusterPath(rawUrl: string): ClusterPath | undefined {
  const path = pathOf(rawUrl);
  if (!path.startsWith(clustersPrefix) || !safePath(path) || encodedSlash.test(path)) return undefined;
  const idEnd = path.indexOf('/', clustersPrefix.length);
  if (idEnd < 0) return undefined;
  const clusterId = path.slice(clustersPrefix.length, idEnd);
  const end = idEnd + '/proxy'.length;
  if (!clusterIdForm.test(clusterId) || path.slice(idEnd, end) !== '/proxy') return undefined;
  if (end < path.length && path[end] !== '/') return undefined;
  return { clusterId, rest: restOf(rawUrl, end) };
}
