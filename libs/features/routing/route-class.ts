import { isSafeMethod, type RouteClass } from '@nm/kernel/licensing';

/** Last segments of routes that only look at what they are sent: the KAMA's answer says what would happen. */
const validating =
  /\/(?:validate|refresh|preview(?:-[a-z-]+)?|eval-preflight|run-installation-preflight|run_predicates|query|columns)$/;
const validatingInside = /\/health_predicates\/run$/;
const administrating = /^\/api\/(?:telem|console|errors)(?:\/|$)/;
/** Safe by its method, and yet it writes. */
const writingGet = /\/variables\/populate-defaults$/;

/** routeClassOf sorts a KAMA's routes for access rules and for reading only. @param path without query */
export function routeClassOf(method: string, path: string): RouteClass {
  if (isSafeMethod(method)) return method === 'GET' && writingGet.test(path) ? 'mutate' : 'read';
  if (validating.test(path) || validatingInside.test(path)) return 'validate';
  return administrating.test(path) ? 'admin' : 'mutate';
}
