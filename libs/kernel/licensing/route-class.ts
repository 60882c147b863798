import { isSafeMethod } from './decision.js';
import type { RouteClass } from './facts.js';

/**
 * The routes of a KAMA whose class their method alone does not tell, first match first. A pattern is matched segment by segment: `*` stands for one segment, `**` at the
 * end for one or more. Routes are those of the KAMA contract (docs/guides/access-rules.md lists them).
 */
const routes: readonly (readonly [methods: string, pattern: string, routeClass: RouteClass])[] = [
  // Reading that writes: fills in defaults or statuses, or asks a server to.
  ['GET', 'api/variables/populate-defaults', 'mutate'],
  ['GET', 'api/app/status', 'mutate'],
  // What a running KAMA uses for itself, and what concerns its own set-up.
  ['*', 'api/operations/osts', 'admin'],
  ['*', 'api/telem/backends/**', 'admin'],
  ['*', 'api/telem/wipe', 'admin'],
  // Looking at what a change would do.
  ['GET', 'api/releases/*/preview', 'validate'],
  ['GET', 'api/releases/*/preview-variables', 'validate'],
  ['GET', 'api/releases/*/preview-manifest', 'validate'],
  ['GET', 'api/injections/latest/preview', 'validate'],
  ['POST', 'api/operations/*/generate-ost', 'validate'],
  ['POST', 'api/operations/*/eval-preflight', 'validate'],
  ['POST', 'api/operations/*/steps/*/refresh', 'validate'],
  ['POST', 'api/operations/*/steps/*/preview-chart-assignments', 'validate'],
  ['POST', 'api/operations/*/steps/*/fields/*/validate', 'validate'],
  ['POST', 'api/operations/*/stages/*/steps/*/refresh', 'validate'],
  ['POST', 'api/operations/*/stages/*/steps/*/preview-chart-assignments', 'validate'],
  ['POST', 'api/operations/*/stages/*/steps/*/fields/*/validate', 'validate'],
  ['POST', 'api/variables/detail/*/validate', 'validate'],
  ['POST', 'api/variables/detail/*/health_predicates/run', 'validate'],
  ['POST', 'api/actions/run_predicates', 'validate'],
  ['POST', 'api/app/run-installation-preflight', 'validate'],
  // Reading with a body.
  ['POST', 'api/resources/columns', 'read'],
  ['POST', 'api/resources/query', 'read'],
  ['POST', 'api/app/presets', 'read'],
  ['POST', 'api/echo', 'read'],
  ['PATCH', 'api/echo', 'read'],
];

interface Route {
  readonly methods: string;
  readonly segments: readonly string[];
  readonly routeClass: RouteClass;
}

const table: ReadonlyMap<string, readonly Route[]> = Map.groupBy(
  routes.map(([methods, pattern, routeClass]): Route => ({ methods, segments: pattern.split('/'), routeClass })),
  ({ segments }) => segments[1] ?? '',
);

/**
 * routeClassOf sorts a request by what it does to an app: `read`, `validate` (tries something out), `mutate` or `admin`. What the table of KAMA routes doesn't know
 * is `read` when its method is safe, else `mutate`.
 * @param path inside the app, without query; empty segments don't count, and percent-encoding is taken off, as a KAMA does. One that can't be decoded is `mutate`
 */
export function routeClassOf(method: string, path: string): RouteClass {
  if (isUnlisted(path)) return isSafeMethod(method) ? 'read' : 'mutate';
  const segments = segmentsOf(path);
  if (!segments) return 'mutate';
  const asked = method === 'HEAD' ? 'GET' : method;
  const route = table
    .get(segments[1] ?? '')
    ?.find(({ methods, segments: pattern }) => isOneOf(methods, asked) && matches(pattern, segments));
  return route?.routeClass ?? (isSafeMethod(method) ? 'read' : 'mutate');
}

const apiPrefix = '/api/';

/** isUnlisted tells of most paths that the table holds nothing of them, without taking them apart. */
function isUnlisted(path: string): boolean {
  if (path.includes('%') || path.includes('//')) return false;
  if (!path.startsWith(apiPrefix)) return path.startsWith('/');
  const end = path.indexOf('/', apiPrefix.length);
  return !table.has(end < 0 ? path.slice(apiPrefix.length) : path.slice(apiPrefix.length, end));
}

function segmentsOf(path: string): readonly string[] | undefined {
  const raw = path.split('/').filter((segment) => segment !== '');
  if (!path.includes('%')) return raw;
  try {
    return raw.map(decodeURIComponent);
  } catch {
    return undefined;
  }
}

const isOneOf = (methods: string, method: string): boolean => methods === '*' || methods === method;

function matches(pattern: readonly string[], segments: readonly string[]): boolean {
  const open = pattern.at(-1) === '**';
  if (open ? segments.length < pattern.length : segments.length !== pattern.length) return false;
  return pattern.every((part, i) => part === '*' || part === '**' || part === segments[i]);
}
