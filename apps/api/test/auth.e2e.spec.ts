import { FakeClock } from '@nm/kernel/time';
import request from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../libs/testing/test-database.js';
import { type StartedApi, startApi } from './start-api.js';

const password = 'correct horse battery';
const signupOf = (name: string) => ({
  email: `${name}@example.com`,
  password,
  name,
  org: { slug: `${name}-org`, name: `${name} Inc.` },
});

describe('people log in', () => {
  let database: TestDatabase;
  let api: StartedApi;
  const clock = new FakeClock();

  beforeAll(async () => {
    database = await createTestDatabase();
    api = await startApi({ database, clock });
  });
  afterAll(async () => {
    await api.close();
    await database.close();
  });

  const post = (path: string, body: object) => request(api.url).post(path).send(body);
  const me = (token: string) => request(api.url).get('/v1/me').set('Authorization', `Bearer ${token}`);

  it('201: signup makes the account, the organisation and its ownership, and logs in', async () => {
    const answer = await post('/v1/auth/signup', signupOf('ada')).expect(201);
    expect(answer.body).toMatchObject({ tokenType: 'Bearer', expiresInSeconds: 900 });
    const { body } = await me(answer.body.accessToken).expect(200);
    expect(body).toMatchObject({ email: 'ada@example.com', orgs: [{ slug: 'ada-org', role: 'owner' }] });
    expect(JSON.stringify(body)).not.toContain('argon2');
  });

  it('200: login takes the address in any case', async () => {
    await post('/v1/auth/login', { email: 'ADA@Example.com', password }).expect(200);
  });

  it('400: names each wrong or unknown field', async () => {
    const { body } = await post('/v1/auth/signup', { ...signupOf('x'), password: 'short', admin: true }).expect(400);
    expect(body.code).toBe('invalid_body');
    expect(body.issues).toEqual(
      expect.arrayContaining([
        { path: 'password', message: 'at least 10 characters' },
        { path: '', message: expect.stringContaining('admin') },
      ]),
    );
  });

  it('401: wrong password and unknown address are the same answer', async () => {
    const wrong = await post('/v1/auth/login', { email: 'ada@example.com', password: 'wrong' }).expect(401);
    const unknown = await post('/v1/auth/login', { email: 'nobody@example.com', password: 'wrong' }).expect(401);
    const { request_id: _a, ...first } = wrong.body;
    const { request_id: _b, ...second } = unknown.body;
    expect(first).toEqual(second);
    expect(first.code).toBe('invalid_credentials');
  });

  it('401: an access token ends after fifteen minutes', async () => {
    const { body } = await post('/v1/auth/login', { email: 'ada@example.com', password }).expect(200);
    await clock.advance(899_000);
    await me(body.accessToken).expect(200);
    await clock.advance(1_000);
    const late = await me(body.accessToken).expect(401);
    expect(late.body.code).toBe('token_expired');
  });

  it('409: a taken address or organisation is refused whole, without saying which', async () => {
    const email = await post('/v1/auth/signup', { ...signupOf('bob'), email: 'ada@example.com' }).expect(409);
    const org = await post('/v1/auth/signup', { ...signupOf('bob'), org: { slug: 'ada-org', name: 'A' } }).expect(409);
    expect(email.body.detail).toBe(org.body.detail);
    await post('/v1/auth/login', { email: 'bob@example.com', password }).expect(401);
    await post('/v1/auth/signup', signupOf('bob')).expect(201);
  });

  it('refresh: each token works once, and a second use ends the whole login', async () => {
    const first = (await post('/v1/auth/login', { email: 'ada@example.com', password })).body;
    const second = (await post('/v1/auth/refresh', { refreshToken: first.refreshToken }).expect(200)).body;
    expect(second.refreshToken).not.toBe(first.refreshToken);
    const reused = await post('/v1/auth/refresh', { refreshToken: first.refreshToken }).expect(401);
    expect(reused.body.code).toBe('refresh_reused');
    await post('/v1/auth/refresh', { refreshToken: second.refreshToken }).expect(401);
    const other = (await post('/v1/auth/login', { email: 'ada@example.com', password })).body;
    await post('/v1/auth/refresh', { refreshToken: other.refreshToken }).expect(200);
  });

  it('refresh: of many uses at the same moment one wins at most, and the login is over', async () => {
    const { refreshToken } = (await post('/v1/auth/login', { email: 'ada@example.com', password })).body;
    const answers = await Promise.all(Array.from({ length: 4 }, () => post('/v1/auth/refresh', { refreshToken })));
    const won = answers.filter(({ status }) => status === 200);
    expect(won).toHaveLength(1);
    await post('/v1/auth/refresh', { refreshToken: won[0]?.body.refreshToken }).expect(401);
  });

  it('refresh: a login unused for thirty days is over', async () => {
    const { refreshToken } = (await post('/v1/auth/login', { email: 'ada@example.com', password })).body;
    await clock.advance(30 * 86_400_000);
    const { body } = await post('/v1/auth/refresh', { refreshToken }).expect(401);
    expect(body.code).toBe('token_expired');
  });

  it('logout: ends the login; an unknown token is no error', async () => {
    const { refreshToken } = (await post('/v1/auth/login', { email: 'ada@example.com', password })).body;
    await post('/v1/auth/logout', { refreshToken }).expect(204);
    await post('/v1/auth/refresh', { refreshToken }).expect(401);
    await post('/v1/auth/logout', { refreshToken: 'nmr_nothing' }).expect(204);
  });
});
