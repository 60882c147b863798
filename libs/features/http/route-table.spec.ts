import { describe, expect, it } from 'vitest';
import { RouteTable } from './route-table.js';

describe('RouteTable', () => {
  const routes = new RouteTable();
  routes.add({ url: '/v1/orgs/:org/apps', method: 'GET' });
  routes.add({ url: '/v1/orgs/:org/apps', method: ['POST'] });
  routes.add({ url: '/v1/a.b', method: 'GET' });
  routes.add({ url: '/docs/*', method: 'GET' });

  it('lists the methods of a path, and none for a path that is no route', () => {
    expect(routes.methodsOf('/v1/orgs/acme/apps')).toEqual(['GET', 'POST']);
    expect(routes.methodsOf('/v1/orgs//apps')).toEqual([]);
    expect(routes.methodsOf('/v1/orgs/a/b/apps')).toEqual([]);
    expect(routes.methodsOf('/v1/aXb')).toEqual([]);
    expect(routes.methodsOf('/anything')).toEqual([]);
  });
});
