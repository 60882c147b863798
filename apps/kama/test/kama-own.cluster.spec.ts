import { EgressPolicy } from '@nm/adapters/egress';
import { KubeSession } from '@nm/adapters/k8kat';
import { newId } from '@nm/kernel/ids';
import { afterAll, beforeAll, inject } from 'vitest';
import { adminTarget } from '../../../libs/testing/admin-target.js';
import { describeWith } from '../../../libs/testing/needs.js';
import { driveRuns } from './conformance/drive-runs.js';
import { kamaConformance } from './conformance/kama-conformance.js';
import { guestbook } from './driven-apps.js';
import { ownKama } from './serve-own.js';

const startMs = 120_000;

describeWith(['kubernetes'], 'guestbook in a process of its own, on a kubeconfig', () => {
  const namespace = `own-${newId('request').slice(-8)}`;
  let admin: KubeSession;
  let server: Awaited<ReturnType<typeof ownKama>>;

  beforeAll(async () => {
    admin = new KubeSession(await adminTarget(), { policy: new EgressPolicy({ allow: ['127.0.0.0/8', '::1'] }) });
    const object = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } };
    await admin.apply(object, { fieldManager: 'test' });
    server = await ownKama(guestbook.folder, { kubeconfig: inject('kubeconfigPath'), namespace });
  }, startMs);
  afterAll(async () => {
    await server?.close();
    await admin?.delete({ apiVersion: 'v1', kind: 'Namespace', name: namespace }).catch(() => undefined);
    await admin?.close();
  });

  kamaConformance(() => ({ baseUrl: server.url, headers: {} }), guestbook.driven);
  driveRuns(() => ({ baseUrl: server.url, headers: {} }));
});
