import { expect, it } from 'vitest';
import { routeClassOf } from './route-class.js';

it.each([
  ['GET', '/api/status', 'read'],
  ['HEAD', '/api/operations/x', 'read'],
  ['OPTIONS', '/api/releases/1/apply', 'read'],
  ['GET', '/api/variables/populate-defaults', 'mutate'],
  ['POST', '/api/operations/o/steps/s/refresh', 'validate'],
  ['POST', '/api/operations/o/steps/s/fields/f/validate', 'validate'],
  ['POST', '/api/operations/o/steps/s/preview-chart-assignments', 'validate'],
  ['POST', '/api/variables/detail/x/health_predicates/run', 'validate'],
  ['POST', '/api/actions/run_predicates', 'validate'],
  ['POST', '/api/resources/query', 'validate'],
  ['POST', '/api/operations/o/steps/s/run', 'mutate'],
  ['POST', '/api/variables/commit-apply', 'mutate'],
  ['DELETE', '/api/anything', 'mutate'],
  ['POST', '/api/releases/1/apply', 'mutate'],
  ['POST', '/api/telem/wipe', 'admin'],
  ['GET', '/api/telem/backends/current', 'read'],
] as const)('%s %s is %s', (method, path, expected) => {
  expect(routeClassOf(method, path)).toBe(expected);
});
