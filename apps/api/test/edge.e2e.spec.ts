import { connect } from 'node:net';
import { Db } from '@nm/adapters/db';
import request from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startWire } from '../../../libs/testing/tcp-wire.js';
import { createTestDatabase, type TestDatabase } from '../../../libs/testing/test-database.js';
import { Client, signup } from './publisher.js';
import { type StartedApi, startApi } from './start-api.js';

describe('the edge of the API', () => {
  let database: TestDatabase;
  let api: StartedApi;
  let acme: Client;

  beforeAll(async () => {
    database = await createTestDatabase();
    api = await startApi({ database });
    acme = await signup(new Client(api.url), 'acme');
  });
  afterAll(async () => {
    await api.close();
    await database.close();
  });

  const login = () => request(api.url).post('/v1/auth/login');
  const raw = (bytes: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const socket = connect(Number(new URL(api.url).port), '127.0.0.1', () => socket.write(bytes));
      let text = '';
      socket.setTimeout(3000, () => socket.destroy());
      socket
        .on('data', (chunk) => (text += chunk.toString()))
        .on('close', () => resolve(text))
        .on('error', reject);
    });

  it.each([
    ['400 malformed_json', '{"email": ', 'application/json', 400, 'malformed_json'],
    ['400 malformed_json for a prototype', '{"__proto__": {"admin": true}}', 'application/json', 400, 'malformed_json'],
    ['400 invalid_body for a scalar', '42', 'application/json', 400, 'invalid_body'],
    ['400 invalid_body for no body', '', 'application/json', 400, 'invalid_body'],
    ['413 body_too_large', `"${'x'.repeat(1_048_577)}"`, 'application/json', 413, 'body_too_large'],
    ['415 for a form', 'email=a', 'application/x-www-form-urlencoded', 415, 'unsupported_media_type'],
    ['415 for text', 'hello', 'text/plain', 415, 'unsupported_media_type'],
  ])('%s', async (_name, body, type, status, code) => {
    const answer = await login().set('Content-Type', type).send(body);
    expect(answer.status).toBe(status);
    expect(answer.headers['content-type']).toBe('application/problem+json; charset=utf-8');
    expect(answer.body).toMatchObject({ status, code, type: `urn:nmachine:error:${code}` });
    expect(answer.body.request_id).toBe(answer.headers['x-request-id']);
    expect(answer.text).not.toMatch(/node_modules|\bat /);
  });

  it('400: unknown query values are named', async () => {
    const { body } = await acme.get('/v1/orgs?limit=many').expect(400);
    expect(body).toMatchObject({ code: 'invalid_query', issues: [{ path: 'limit' }] });
  });

  it('400: a path that does not decode, and bytes that are no request', async () => {
    expect(await raw('GET /v1/orgs/%zz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')).toMatch(
      /^HTTP\/1.1 400 [\s\S]*"code":"invalid_path"/,
    );
    expect(await raw('this is not HTTP\r\n\r\n')).toMatch(/^HTTP\/1.1 400 [\s\S]*"code":"bad_request"/);
  });

  it('404, not 405, for a foreign path; 405 with Allow for a known one', async () => {
    await acme.get('/v1/nothing').expect(404);
    const answer = await acme.delete('/v1/orgs').expect(405);
    expect(answer.body.code).toBe('method_not_allowed');
    expect(answer.headers['allow']).toBe('GET, HEAD, POST');
  });

  it.each(['..', '%2e%2e', '%2f', '%00', 'a%2fb', '%5c', 'x'.repeat(300)])(
    '404: a path trick %j reaches nothing',
    async (part) => {
      const text = await raw(
        `GET /v1/orgs/acme/apps/${part} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: Bearer x\r\n\r\n`,
      );
      expect(text).toMatch(/^HTTP\/1.1 (400|401|404) /);
    },
  );

  it('keeps a well-formed request id and replaces any other', async () => {
    const kept = await request(api.url).get('/v1/me').set('X-Request-Id', 'build-4711').expect(401);
    expect(kept.headers['x-request-id']).toBe('build-4711');
    const made = await request(api.url).get('/v1/me').set('X-Request-Id', 'a b').expect(401);
    expect(made.headers['x-request-id']).toMatch(/^req_/);
    expect(made.headers['www-authenticate']).toBe('Bearer');
  });

  it('401: credentials of other schemes, other shapes, other keys, no signature', async () => {
    const header = (value: string) => request(api.url).get('/v1/me').set('Authorization', value).expect(401);
    const jwt = (head: object, body: object) =>
      [head, body].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
    const claims = { sub: 'user_0', iss: 'nmachine', aud: 'nm-api', exp: 4_000_000_000 };
    await header('Basic YTpi');
    await header('Bearer');
    await header('Bearer a b');
    await header(`Bearer ${jwt({ alg: 'none', typ: 'nm-access+jwt' }, claims)}.`);
    await header(`Bearer ${jwt({ alg: 'HS256', typ: 'nm-access+jwt' }, claims)}.AAAA`);
    await header(`Bearer ${jwt({ alg: 'HS256', typ: 'JWT' }, claims)}.AAAA`);
  });

  it('503: a store that is away is said so, and works again when it is back', async () => {
    const store = await startWire(database.url);
    const db = new Db({ url: store.url, poolMax: 2 });
    const own = await startApi({ database: { ...database, url: store.url, db } });
    const client = await signup(new Client(own.url), 'lonely');
    await store.cut();
    for (let i = 0; i < 3; i++) {
      const { status, body } = await client.get('/v1/me');
      expect([status, body.code]).toEqual([503, 'store_unavailable']);
    }
    await store.mend();
    await client.get('/v1/me').expect(200);
    await own.close();
    await db.close();
    await store.cut();
  });

  it('serves the description and the pages for people from its own files', async () => {
    const { body } = await request(api.url).get('/openapi.json').expect(200);
    expect(body.components.schemas.CreateVersion.properties.spec).toBeDefined();
    expect(body.components.schemas.Problem).toBeDefined();
    const page = await request(api.url).get('/docs').redirects(1).expect(200);
    expect(page.text).toContain('swagger-ui');
    expect(page.text).not.toMatch(/(src|href)="https?:/);
    await request(api.url).get('/docs/swagger-ui-bundle.js').expect(200);
  });
});
