import { hash } from 'node:crypto';
import { type InstallToken, VersionSpec } from '@nm/kernel/contracts';
import { mintBearerKey, newId } from '@nm/kernel/ids';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { createTestDatabase, type TestDatabase } from '../../../libs/testing/test-database.js';
import { makeOwnRows, type OwnRows } from './own-rows.js';
import { Client, makePublisher, type Publisher } from './publisher.js';
import { type StartedApi, startApi } from './start-api.js';

describe('the ticket by which an operator asks for the credential of an instance', () => {
  let database: TestDatabase;
  let api: StartedApi;
  let anyone: Client;
  let acme: Publisher;
  let rows: OwnRows;
  let instanceId: string;
  const ticket = mintBearerKey('instance').text;
  const ask = (text = ticket) => anyone.as(text).post('/v1/kubeconfig');
  const change = (data: object) =>
    database.db.asSystem((tx) => tx.instance.update({ where: { id: instanceId }, data }));

  beforeAll(async () => {
    database = await createTestDatabase();
    api = await startApi({ database, env: { NM_PUBLIC_KUBE_URL: 'https://kube.test' } });
    anyone = new Client(api.url);
    acme = await makePublisher(anyone, 'acme');
    rows = await makeOwnRows(database, acme.licence.id);
    instanceId = newId('instance');
    await database.db.asSystem(async (tx) => {
      const install = await tx.install.update({ where: { id: rows.install }, data: { state: 'ready' } });
      const { orgId, appId, id: installId } = install;
      const versionId = newId('version');
      const spec = VersionSpec.parse({ kind: 'container', command: ['true'] }) as object;
      await tx.appVersion.create({
        data: { id: versionId, orgId, appId, name: '9.9.9', digest: 'sha256:9', spec, state: 'published' },
      });
      const place = { id: instanceId, orgId, appId, versionId, installId, slot: `${versionId}/${installId}` };
      const ticketHash = hash('sha256', ticket, 'buffer');
      await tx.instance.create({ data: { ...place, desired: 'running', observed: 'starting', ticketHash } });
    });
  });
  afterAll(async () => {
    await api?.close();
    await database?.close();
  });

  it('gives a kubeconfig of the instance, an hour at most, for the cluster proxy and for nothing of the user’s own', async () => {
    const { body } = await ask().expect(201);
    const token = body.token as InstallToken;
    expect(token).toMatchObject({ instanceId, mode: 'full' });
    expect(Date.parse(token.expiresAt) - Date.parse(token.createdAt)).toBe(3_600_000);
    const { clusters, users } = parse(body.kubeconfig);
    expect(clusters[0].cluster).toEqual({ server: `https://kube.test/clusters/${rows.cluster}/proxy` });
    expect(Object.keys(users[0].user)).toEqual(['token']);
    expect(body.kubeconfig).not.toContain(ticket);
  });

  it('is good for that route alone', async () => {
    for (const path of ['/v1/runs', '/v1/installs', '/v1/clusters', `/v1/installs/${rows.install}`, '/v1/orgs/acme'])
      await anyone.as(ticket).get(path).expect(401);
    for (const path of ['/v1/runs', `/v1/installs/${rows.install}/kubeconfig`, '/v1/runs/preview'])
      await anyone.as(ticket).post(path, {}).expect(401);
  });

  it('is worth nothing when it is another one, when the instance is not to run, and once the start that it was for is over', async () => {
    await ask(mintBearerKey('instance').text).expect(401);
    await change({ desired: 'stopped' });
    await ask().expect(401);
    await change({ desired: 'running', ticketHash: hash('sha256', mintBearerKey('instance').text, 'buffer') });
    await ask().expect(401);
    await change({ ticketHash: hash('sha256', ticket, 'buffer') });
    await ask().expect(201);
  });

  it('asks in vain while the licence is suspended or the install is not ready', async () => {
    const licences = `/v1/orgs/acme/apps/guestbook/licences/${acme.licence.id}`;
    await acme.client.post(`${licences}/suspend`).expect(200);
    expect((await ask().expect(403)).body.code).toBe('licence_suspended');
    await acme.client.post(`${licences}/resume`).expect(200);
    const setState = (state: string) =>
      database.db.asSystem((tx) => tx.install.update({ where: { id: rows.install }, data: { state } }));
    await setState('provisioning');
    expect((await ask().expect(409)).body.code).toBe('install_not_ready');
    await setState('ready');
    await ask().expect(201);
  });
});
