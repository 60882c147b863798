import { describe, expect, it } from 'vitest';
import { kubeCallOf } from './kube-call.js';

const ns = '/api/v1/namespaces/shop';

describe('kubeCallOf', () => {
  it.each([
    ['GET', `${ns}/pods`, false, 'list', 'pods', undefined, undefined, 'read'],
    ['GET', `${ns}/pods?watch=true`, false, 'watch', 'pods', undefined, undefined, 'read'],
    ['GET', `${ns}/pods?limit=1&watch`, false, 'watch', 'pods', undefined, undefined, 'read'],
    ['GET', `${ns}/pods?watch=false`, false, 'list', 'pods', undefined, undefined, 'read'],
    ['GET', `${ns}/pods/a/log?follow=true`, false, 'get', 'pods', 'log', 'a', 'read'],
    ['GET', `${ns}/pods/a/log`, true, 'get', 'pods', 'log', 'a', 'read'],
    ['GET', `${ns}/pods/a/exec?command=ls`, true, 'connect', 'pods', 'exec', 'a', 'mutate'],
    ['GET', `${ns}/pods/a/exec`, false, 'connect', 'pods', 'exec', 'a', 'mutate'],
    ['GET', `${ns}/pods/a/%65xec`, true, 'connect', 'pods', 'exec', 'a', 'mutate'],
    ['POST', `${ns}/pods/a/attach`, true, 'connect', 'pods', 'attach', 'a', 'mutate'],
    ['GET', `${ns}/pods/a/portforward?ports=80`, true, 'connect', 'pods', 'portforward', 'a', 'mutate'],
    ['GET', `${ns}/services/web:80/proxy/health`, false, 'get', 'services', 'proxy', 'web:80', 'read'],
    ['GET', `${ns}/services/web:80/proxy/ws`, true, 'connect', 'services', 'proxy', 'web:80', 'mutate'],
    ['POST', `${ns}/services/web:80/proxy/do`, false, 'connect', 'services', 'proxy', 'web:80', 'mutate'],
    ['POST', `${ns}/configmaps`, false, 'create', 'configmaps', undefined, undefined, 'mutate'],
    ['PUT', `${ns}/configmaps/a`, false, 'update', 'configmaps', undefined, 'a', 'mutate'],
    [
      'PATCH',
      '/apis/apps/v1/namespaces/shop/deployments/web/scale',
      false,
      'patch',
      'deployments',
      'scale',
      'web',
      'mutate',
    ],
    ['DELETE', `${ns}/pods/a`, false, 'delete', 'pods', undefined, 'a', 'mutate'],
    ['DELETE', `${ns}/pods`, false, 'deletecollection', 'pods', undefined, undefined, 'mutate'],
    ['POST', `${ns}/pods/a/eviction`, false, 'create', 'pods', 'eviction', 'a', 'mutate'],
    ['GET', ns, false, 'get', 'namespaces', undefined, 'shop', 'read'],
    ['PUT', `${ns}/finalize`, false, 'update', 'namespaces', 'finalize', 'shop', 'mutate'],
    ['GET', '/api/v1/watch/namespaces/shop/pods', false, 'list', 'pods', undefined, undefined, 'read'],
    [
      'POST',
      '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
      false,
      'create',
      'selfsubjectaccessreviews',
      undefined,
      undefined,
      'validate',
    ],
    [
      'POST',
      '/apis/authentication.k8s.io/v1/selfsubjectreviews',
      false,
      'create',
      'selfsubjectreviews',
      undefined,
      undefined,
      'validate',
    ],
    [
      'POST',
      '/apis/example.com/v1/selfsubjectreviews',
      false,
      'create',
      'selfsubjectreviews',
      undefined,
      undefined,
      'mutate',
    ],
    [
      'POST',
      '/apis/authorization.k8s.io/v1/subjectaccessreviews',
      false,
      'create',
      'subjectaccessreviews',
      undefined,
      undefined,
      'mutate',
    ],
    ['GET', '/version', false, 'get', '', undefined, '/version', 'read'],
    ['GET', '/apis', false, 'get', '', undefined, '/apis', 'read'],
    ['GET', '/api/v1', false, 'get', '', undefined, '/api/v1', 'read'],
    ['POST', '/metrics', false, 'create', '', undefined, '/metrics', 'mutate'],
    ['GET', `${ns}/pods/%ff/exec`, true, 'get', '', undefined, `${ns}/pods/%ff/exec`, 'mutate'],
  ] as const)(
    '%s %s (upgrade: %s) is %s %s/%s',
    (method, rest, upgrades, verb, resource, subresource, name, routeClass) => {
      expect(kubeCallOf(method, rest, upgrades)).toMatchObject({ verb, resource, subresource, name, routeClass });
    },
  );

  it('tells group, version and namespace', () => {
    expect(kubeCallOf('PATCH', '/apis/apps/v1/namespaces/shop/deployments/web', false)).toMatchObject({
      group: 'apps',
      version: 'v1',
      namespace: 'shop',
    });
    expect(kubeCallOf('GET', '/api/v1/nodes/n', false)).toMatchObject({
      group: '',
      version: 'v1',
      namespace: undefined,
    });
  });
});
