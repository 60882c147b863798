import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../libs/testing/test-database.js';
import { Client, makePublisher, type Publisher } from './publisher.js';
import { type StartedApi, startApi } from './start-api.js';

/** A provider whose documents tests change: by path, what is answered. */
async function startProvider() {
  const documents = new Map<string, RequestListener>();
  const server = createServer((request, response) => {
    const answer = documents.get(request.url ?? '');
    if (answer) answer(request, response);
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const json = (path: string, value: unknown) =>
    documents.set(path, (_, response) =>
      response.setHeader('content-type', 'application/json').end(JSON.stringify(value)),
    );
  return { url, documents, json, close: () => new Promise((resolve) => server.close(resolve)) };
}

describe('issuers of user tokens', () => {
  let database: TestDatabase;
  let api: StartedApi;
  let acme: Publisher;
  let rival: Publisher;
  let provider: Awaited<ReturnType<typeof startProvider>>;
  const at = '/v1/orgs/acme/issuers';
  const body = () => ({
    name: 'Acme login',
    issuer: provider.url,
    audience: 'guestbook',
    mapping: { claim: 'licence', holds: 'licence-id' },
  });
  const discovery = '/.well-known/openid-configuration';

  beforeAll(async () => {
    database = await createTestDatabase();
    provider = await startProvider();
    api = await startApi({ database, env: { NM_EGRESS_ALLOW: '127.0.0.0/8' } });
    const anyone = new Client(api.url);
    acme = await makePublisher(anyone, 'acme');
    rival = await makePublisher(anyone, 'rival');
    const { publicKey } = await generateKeyPair('ES256');
    provider.json(discovery, { issuer: provider.url, jwks_uri: `${provider.url}/jwks` });
    provider.json('/jwks', { keys: [{ ...(await exportJWK(publicKey)), kid: 'a' }] });
  });
  afterAll(async () => {
    await provider.close();
    await api.close();
    await database.close();
  });

  it('is registered after its keys were found, disabled, and removed; gateways hear of each', async () => {
    const { body: made } = await acme.client.post(at, body()).expect(201);
    expect(made).toMatchObject({ algorithms: ['RS256'], enabled: true, jwksUri: `${provider.url}/jwks` });
    await acme.client.post(at, body()).expect(409);
    const { body: off } = await acme.client.patch(`${at}/${made.id}`, { enabled: false }).expect(200);
    expect(off).toMatchObject({ enabled: false, name: 'Acme login' });
    expect((await acme.client.get(at).expect(200)).body.data).toEqual([off]);
    await rival.client.patch(`/v1/orgs/rival/issuers/${made.id}`, { enabled: true }).expect(404);
    await rival.client.delete(`/v1/orgs/rival/issuers/${made.id}`).expect(404);
    await acme.client.delete(`${at}/${made.id}`).expect(204);
    await acme.client.delete(`${at}/${made.id}`).expect(404);
    const rows = await database.db.asSystem((tx) => tx.outbox.findMany());
    const kinds = rows.map(({ payload }) => payload as { kind: string; id: string }).filter(({ id }) => id === made.id);
    expect(kinds.map(({ kind }) => kind)).toEqual(['issuer', 'issuer', 'issuer']);
  });

  it.each([['none'], ['HS256'], ['HS512'], ['RSA-OAEP']])(
    '400: the algorithm %s cannot be registered',
    async (algorithm) => {
      const { body: problem } = await acme.client.post(at, { ...body(), algorithms: [algorithm] }).expect(400);
      expect(problem).toMatchObject({ code: 'invalid_body', issues: [{ path: 'algorithms.0' }] });
    },
  );

  it('502: each way in which a provider cannot be used is named', async () => {
    const faulty = async (issuer: string): Promise<string> => {
      const answer = await acme.client.post(at, { ...body(), issuer, audience: 'faulty' }).expect(502);
      expect(answer.body.code).toBe('issuer_unusable');
      return answer.body.detail;
    };
    const of = (name: string) => `/${name}${discovery}`;
    expect(await faulty(`${provider.url}/none`)).toMatch(/answered 404/);
    provider.json(of('other'), { issuer: 'https://other.example', jwks_uri: `${provider.url}/jwks` });
    expect(await faulty(`${provider.url}/other`)).toMatch(/calls its issuer "https:\/\/other.example"/);
    provider.documents.set(of('redirect'), (_, response) => response.writeHead(302, { location: discovery }).end());
    expect(await faulty(`${provider.url}/redirect`)).toMatch(/answered 302/);
    provider.documents.set(of('text'), (_, response) => response.end('hello'));
    expect(await faulty(`${provider.url}/text`)).toMatch(/is not JSON/);
    provider.documents.set(of('huge'), (_, response) => response.end(JSON.stringify('x'.repeat(300_000))));
    expect(await faulty(`${provider.url}/huge`)).toMatch(/256 KiB/);
    provider.json(of('empty'), { issuer: `${provider.url}/empty`, jwks_uri: `${provider.url}/no-keys` });
    provider.json('/no-keys', { keys: [{ kty: 'oct', k: 'c2VjcmV0' }] });
    expect(await faulty(`${provider.url}/empty`)).toMatch(/no public key/);
    provider.json(of('plain'), { issuer: `${provider.url}/plain`, jwks_uri: 'http://id.example.com/jwks' });
    expect(await faulty(`${provider.url}/plain`)).toMatch(/must be https/);
    expect(await faulty('http://id.example.com')).toMatch(/must be https/);
    expect(await faulty('http://127.0.0.1:1')).toMatch(/could not be fetched/);
  });

  it('400: without the operator’s leave, nothing on this machine or its network is asked', async () => {
    const closed = await startApi({ database });
    const { body: login } = await new Client(closed.url)
      .post('/v1/auth/login', { email: 'acme@example.com', password: 'correct horse battery' })
      .expect(200);
    const client = new Client(closed.url, login.accessToken);
    for (const issuer of [provider.url, 'https://169.254.169.254', 'https://10.0.0.1', 'https://[::1]']) {
      const { body: problem } = await client.post(at, { ...body(), issuer }).expect(400);
      expect(problem.code).toBe('egress_denied');
    }
    await closed.close();
  });
});
