import { delimiter } from 'node:path';
import { EgressPolicy } from '@nm/adapters/egress';
import { KubeSession } from '@nm/adapters/k8kat';
import { newId } from '@nm/kernel/ids';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { adminTarget } from '../../../libs/testing/admin-target.js';
import { describeWith } from '../../../libs/testing/needs.js';
import { driveIcecream } from './conformance/drive-icecream.js';
import { serveCommand } from './kama-command.js';

describeWith(['kubernetes'], 'icecream on localhost, by its command, on a kubeconfig', () => {
  const namespace = `ice-own-${newId('request').slice(-8)}`;
  let admin: KubeSession;
  let server: Awaited<ReturnType<typeof serveCommand>>;

  beforeAll(async () => {
    admin = new KubeSession(await adminTarget(), { policy: new EgressPolicy({ allow: ['127.0.0.0/8', '::1'] }) });
    const object = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } };
    await admin.apply(object, { fieldManager: 'test' });
    // The helm that was built beside the cluster.
    const path = [inject('kubernetesBin'), process.env['PATH'] ?? ''].join(delimiter);
    const models = 'dist/examples/icecream/src/models.js';
    const words = ['examples/icecream', '--models', models, '--kubeconfig', inject('kubeconfigPath'), '-n', namespace];
    server = await serveCommand(words, path);
  }, 240_000);
  afterAll(async () => {
    await server?.close();
    await admin?.delete({ apiVersion: 'v1', kind: 'Namespace', name: namespace }).catch(() => undefined);
    await admin?.close();
  });

  driveIcecream(() => ({ baseUrl: server.url, headers: {} }));

  it('keeps the secret in the Secret of its namespace, and nowhere else', async () => {
    const object = async (kind: string) => await admin.get({ apiVersion: 'v1', kind, name: 'kamafile' }, namespace);
    const { app = '' } = ((await object('Secret')) as { data?: { app?: string } }).data ?? {};
    expect(JSON.parse(Buffer.from(app, 'base64').toString('utf8'))).toMatchObject({
      user_vars: { till: { password: 'three cold scoops' } },
    });
    expect(JSON.stringify(await object('ConfigMap'))).not.toContain('scoops');
  });
});
