import { describe, expect, it } from 'vitest';
import { routeClassOf } from './route-class.js';

/** The KAMA contract, route by route. */
const contract: readonly [routeClass: string, method: string, path: string][] = [
  ['read', 'GET', '/api/ping'],
  ['read', 'GET', '/api/status'],
  ['read', 'POST', '/api/echo'],
  ['read', 'PATCH', '/api/echo'],
  ['mutate', 'PUT', '/api/echo'],
  ['read', 'GET', '/api/app/presets'],
  ['read', 'POST', '/api/app/presets'],
  ['mutate', 'POST', '/api/app/presets/p1/commit-apply'],
  ['validate', 'POST', '/api/app/run-installation-preflight'],
  ['mutate', 'POST', '/api/app/compute-and-sync-statuses'],
  ['mutate', 'POST', '/api/app/sync-status-hub'],
  ['mutate', 'GET', '/api/app/status'],
  ['mutate', 'HEAD', '/api/app/status'],
  ['read', 'GET', '/api/app/jobs/j1/status'],
  ['read', 'GET', '/api/operations'],
  ['read', 'GET', '/api/operations/o1'],
  ['admin', 'GET', '/api/operations/osts'],
  ['admin', 'DELETE', '/api/operations/osts'],
  ['validate', 'POST', '/api/operations/o1/generate-ost'],
  ['validate', 'POST', '/api/operations/o1/eval-preflight'],
  ['validate', 'POST', '/api/operations/o1/steps/s1/refresh'],
  ['validate', 'POST', '/api/operations/o1/steps/s1/preview-chart-assignments'],
  ['mutate', 'POST', '/api/operations/o1/steps/s1/run'],
  ['read', 'GET', '/api/operations/o1/steps/s1/next'],
  ['validate', 'POST', '/api/operations/o1/steps/s1/fields/f1/validate'],
  ['validate', 'POST', '/api/operations/o1/stages/g1/steps/s1/refresh'],
  ['validate', 'POST', '/api/operations/o1/stages/g1/steps/s1/preview-chart-assignments'],
  ['validate', 'POST', '/api/operations/o1/stages/g1/steps/s1/fields/f1/validate'],
  ['mutate', 'POST', '/api/operations/o1/stages/g1/steps/s1/run'],
  ['read', 'GET', '/api/variables/all'],
  ['read', 'GET', '/api/variables/defaults'],
  ['mutate', 'GET', '/api/variables/populate-defaults'],
  ['read', 'GET', '/api/variables/detail/v1'],
  ['validate', 'POST', '/api/variables/detail/v1/validate'],
  ['validate', 'POST', '/api/variables/detail/v1/health_predicates/run'],
  ['mutate', 'POST', '/api/variables/commit-apply'],
  ['mutate', 'POST', '/api/variables/commit-unsets'],
  ['read', 'GET', '/api/releases'],
  ['read', 'GET', '/api/releases/next-available'],
  ['validate', 'GET', '/api/releases/r1/preview'],
  ['validate', 'GET', '/api/releases/r1/preview-variables'],
  ['validate', 'GET', '/api/releases/r1/preview-manifest'],
  ['validate', 'HEAD', '/api/releases/r1/preview-manifest'],
  ['mutate', 'POST', '/api/releases/r1/apply'],
  ['read', 'GET', '/api/injections/check_newer'],
  ['validate', 'GET', '/api/injections/latest/preview'],
  ['mutate', 'POST', '/api/injections/latest/apply'],
  ['read', 'GET', '/api/actions/type/simple'],
  ['mutate', 'POST', '/api/actions/a1/run'],
  ['validate', 'POST', '/api/actions/run_predicates'],
  ['read', 'GET', '/api/health/predicates'],
  ['read', 'GET', '/api/view_specs/tables/t1/compute'],
  ['read', 'POST', '/api/resources/columns'],
  ['read', 'POST', '/api/resources/query'],
  ['admin', 'GET', '/api/telem/backends/current'],
  ['admin', 'POST', '/api/telem/backends/current'],
  ['admin', 'GET', '/api/telem/backends/available'],
  ['admin', 'GET', '/api/telem/backends/any/thing/below'],
  ['admin', 'POST', '/api/telem/wipe'],
  ['read', 'GET', '/api/telem/config_backups/index'],
  ['mutate', 'POST', '/api/telem/config_backups/new'],
  ['read', 'GET', '/api/plugins/all'],
  ['mutate', 'POST', '/api/plugins/all/p1/initialize'],
];

describe('routeClassOf', () => {
  it.each(contract)('is %s for %s %s', (routeClass, method, path) => {
    expect(routeClassOf(method, path)).toBe(routeClass);
  });

  it('goes by the method where the contract says nothing', () => {
    for (const path of [
      '/',
      '',
      '/metrics',
      '/other/app/status',
      '//other/app/status',
      'other/app/status',
      '/o%74her/app/status',
      '/api',
      '/%61pi',
      '/api/',
      'api',
      'api/unknown',
      '/api/app/status/more',
      '/api/telem/backends',
    ])
      expect([path, ...['GET', 'HEAD', 'OPTIONS', 'POST', 'DELETE', 'BREW'].map((m) => routeClassOf(m, path))]).toEqual(
        [path, 'read', 'read', 'read', 'mutate', 'mutate', 'mutate'],
      );
  });

  it('is not led astray by another spelling of a path', () => {
    for (const path of [
      '/api/app/%73tatus',
      '//api//app/status',
      '/api/app/status/',
      'api/app/status',
      '/%61pi/app/status',
      '/api/%61pp/status',
    ])
      expect([path, routeClassOf('GET', path)]).toEqual([path, 'mutate']);
    expect(routeClassOf('GET', '/api/%ff')).toBe('mutate');
    expect(routeClassOf('GET', `${'/x'.repeat(5_000)}`)).toBe('read');
  });
});
