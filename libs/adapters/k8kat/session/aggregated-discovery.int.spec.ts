import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { FakeKubeApi } from '../../../testing/fake-kube-api.js';

const verbs = ['get', 'list'];
const groups = {
  '/api': [{ metadata: {}, versions: [{ version: 'v1', resources: [discovered('pods', 'Pod')] }] }],
  '/apis': [
    {
      metadata: { name: 'cert.example' },
      versions: [
        { version: 'v1', resources: [discovered('certificates', 'Certificate')] },
        { version: 'v1beta1', resources: [discovered('certificates', 'Certificate')] },
      ],
    },
  ],
};
const legacy: Record<string, unknown> = {
  '/api': { kind: 'APIVersions', versions: ['v1'] },
  '/apis': {
    kind: 'APIGroupList',
    groups: [
      {
        name: 'cert.example',
        versions: [{ groupVersion: 'cert.example/v1' }, { groupVersion: 'cert.example/v1beta1' }],
        preferredVersion: { groupVersion: 'cert.example/v1' },
      },
    ],
  },
  '/api/v1': { resources: [{ name: 'pods', kind: 'Pod', namespaced: true, verbs }] },
  '/apis/cert.example/v1': { resources: [{ name: 'certificates', kind: 'Certificate', namespaced: true, verbs }] },
  '/apis/cert.example/v1beta1': { resources: [{ name: 'certificates', kind: 'Certificate', namespaced: true, verbs }] },
};

function discovered(resource: string, kind: string) {
  return { resource, responseKind: { kind }, scope: 'Namespaced', verbs };
}

describe('AggregatedDiscovery', () => {
  let api: FakeKubeApi;
  let isOld: boolean;
  beforeAll(async () => {
    api = await FakeKubeApi.open();
  });
  beforeEach(() => {
    api.reset();
    api.intercept = ({ path, headers }, response) => {
      const items = groups[path as keyof typeof groups];
      const knows = !isOld && headers.accept?.includes('g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList');
      if (items && knows) api.json(response, 200, { kind: 'APIGroupDiscoveryList', items });
      else if (path in legacy) api.json(response, 200, legacy[path]);
      else return false;
      return true;
    };
  });
  afterAll(() => api.close());
  const namesOf = async () => {
    const session = api.session();
    const kinds = await session.kinds();
    expect((await session.findKind('certificates.cert.example')).apiVersion).toBe('cert.example/v1');
    await session.close();
    return kinds.map(({ apiVersion, kind }) => `${apiVersion} ${kind}`);
  };
  const all = ['v1 Pod', 'cert.example/v1 Certificate', 'cert.example/v1beta1 Certificate'];

  it('learns all kinds from two requests', async () => {
    isOld = false;
    expect(await namesOf()).toEqual(all);
    expect(api.requests.toSorted()).toEqual(['GET /api', 'GET /apis']);
  });

  it('learns the same from a server that knows no aggregation, version by version', async () => {
    isOld = true;
    expect(await namesOf()).toEqual(all);
    expect(api.requests.length).toBe(5);
  });
});
