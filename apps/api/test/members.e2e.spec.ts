import type { Role } from '@nm/kernel/contracts';
import { FakeClock } from '@nm/kernel/time';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../libs/testing/test-database.js';
import { Client, signup } from './publisher.js';
import { type StartedApi, startApi } from './start-api.js';

describe('members and API tokens', () => {
  let database: TestDatabase;
  let api: StartedApi;
  let anyone: Client;
  const clock = new FakeClock();
  let owner: Client;
  const people = new Map<string, { client: Client; memberId: string }>();

  const join = async (name: string, role: Role) => {
    const client = await signup(anyone, name);
    const { body } = await owner.post('/v1/orgs/acme/members', { email: `${name}@example.com`, role }).expect(201);
    people.set(name, { client, memberId: body.id });
  };
  const as = (name: string) => people.get(name)!.client;
  const idOf = (name: string) => people.get(name)!.memberId;

  beforeAll(async () => {
    database = await createTestDatabase();
    api = await startApi({ database, clock });
    anyone = new Client(api.url);
    owner = await signup(anyone, 'acme');
    await join('admin', 'admin');
    await join('dev', 'developer');
    await join('viewer', 'viewer');
  });
  afterAll(async () => {
    await api.close();
    await database.close();
  });

  it('200: members see each other; /v1/orgs shows the own role', async () => {
    const { body } = await as('viewer').get('/v1/orgs/acme/members').expect(200);
    expect(body.data.map((m: { name: string; role: Role }) => [m.name, m.role])).toEqual([
      ['acme', 'owner'],
      ['admin', 'admin'],
      ['dev', 'developer'],
      ['viewer', 'viewer'],
    ]);
    const orgs = await as('dev').get('/v1/orgs').expect(200);
    expect(orgs.body.data.map((o: { slug: string; role: Role }) => [o.slug, o.role])).toEqual([
      ['acme', 'developer'],
      ['dev', 'owner'],
    ]);
  });

  it('403: an admin neither makes nor unmakes an owner; others manage nobody', async () => {
    const { body } = await owner.get('/v1/orgs/acme/members').expect(200);
    const ownerId = body.data[0].id;
    await as('admin')
      .patch(`/v1/orgs/acme/members/${idOf('dev')}`, { role: 'owner' })
      .expect(403);
    await as('admin').patch(`/v1/orgs/acme/members/${ownerId}`, { role: 'viewer' }).expect(403);
    await as('admin').delete(`/v1/orgs/acme/members/${ownerId}`).expect(403);
    await as('dev')
      .delete(`/v1/orgs/acme/members/${idOf('viewer')}`)
      .expect(403);
    await as('admin')
      .patch(`/v1/orgs/acme/members/${idOf('dev')}`, { role: 'support' })
      .expect(200);
    await as('admin')
      .patch(`/v1/orgs/acme/members/${idOf('dev')}`, { role: 'developer' })
      .expect(200);
  });

  it('404: nobody has that address; a member of another organisation is none of ours', async () => {
    await owner.post('/v1/orgs/acme/members', { email: 'nobody@example.com', role: 'viewer' }).expect(404);
    const theirs = await as('dev').get('/v1/orgs/dev/members').expect(200);
    await owner.delete(`/v1/orgs/acme/members/${theirs.body.data[0].id}`).expect(404);
    await as('dev')
      .get('/v1/orgs/dev/members')
      .expect(200, /"owner"/);
  });

  it('409: the last owner stays, also when two leave at once', async () => {
    const { body } = await owner.get('/v1/orgs/acme/members').expect(200);
    const ownerId = body.data[0].id;
    const alone = await owner.delete(`/v1/orgs/acme/members/${ownerId}`).expect(409);
    expect(alone.body.code).toBe('last_owner');
    await owner.patch(`/v1/orgs/acme/members/${ownerId}`, { role: 'admin' }).expect(409);
    await owner.patch(`/v1/orgs/acme/members/${idOf('admin')}`, { role: 'owner' }).expect(200);
    const both = await Promise.all([
      owner.delete(`/v1/orgs/acme/members/${idOf('admin')}`),
      as('admin').delete(`/v1/orgs/acme/members/${ownerId}`),
    ]);
    const owners = await database.db.asSystem((tx) =>
      tx.membership.count({ where: { role: 'owner', org: { slug: 'acme' } } }),
    );
    expect(owners).toBe(1);
    expect(both.map(({ status }) => status).filter((status) => status === 204)).toHaveLength(1);
    const left = both[0]?.status === 204 ? owner : as('admin');
    const gone = left === owner ? 'admin' : 'acme';
    await left.post('/v1/orgs/acme/members', { email: `${gone}@example.com`, role: 'owner' }).expect(201);
  });

  it('a member who was removed sees nothing any more, with the login still valid', async () => {
    await join('passer', 'admin');
    await as('passer').get('/v1/orgs/acme').expect(200);
    await owner.delete(`/v1/orgs/acme/members/${idOf('passer')}`).expect(204);
    await as('passer').get('/v1/orgs/acme').expect(404);
    await as('passer').get('/v1/me').expect(200);
  });

  it('tokens: shown once, worth one role in one organisation, until revoked or expired', async () => {
    const expiresAt = new Date(clock.nowMs() + 60_000).toISOString();
    const made = await owner.post('/v1/orgs/acme/tokens', { name: 'ci', role: 'developer', expiresAt }).expect(201);
    const lasting = await owner.post('/v1/orgs/acme/tokens', { name: 'cd', role: 'viewer' }).expect(201);
    const ci = anyone.as(made.body.token);
    const cd = anyone.as(lasting.body.token);
    await ci.post('/v1/orgs/acme/apps', { slug: 'by-token', name: 'By token' }).expect(201);
    await cd.get('/v1/orgs/acme/apps/by-token').expect(200);
    await cd.post('/v1/orgs/acme/apps', { slug: 'no', name: 'No' }).expect(403);
    await ci.get('/v1/orgs/dev').expect(404);
    const orgs = await ci.get('/v1/orgs').expect(200);
    expect(orgs.body.data).toMatchObject([{ slug: 'acme', role: 'developer' }]);
    await ci.get('/v1/me').expect(401);
    await ci.post('/v1/orgs', { slug: 'mine', name: 'Mine' }).expect(401);
    await ci.post('/v1/orgs/acme/tokens', { name: 'more', role: 'viewer' }).expect(403);

    const list = await owner.get('/v1/orgs/acme/tokens').expect(200);
    expect(list.text).not.toContain(made.body.token);
    await owner.delete(`/v1/orgs/acme/tokens/${lasting.body.id}`).expect(204);
    await cd.get('/v1/orgs/acme').expect(401);
    await clock.advance(60_000);
    const late = await ci.get('/v1/orgs/acme').expect(401);
    expect(late.body.code).toBe('token_expired');
  });

  it('403: nobody makes a token above the own role', async () => {
    await as('dev').post('/v1/orgs/acme/tokens', { name: 'x', role: 'viewer' }).expect(403);
    const admin = await owner.post('/v1/orgs/acme/tokens', { name: 'admin', role: 'admin' }).expect(201);
    await anyone.as(admin.body.token).post('/v1/orgs/acme/tokens', { name: 'x', role: 'owner' }).expect(403);
    await anyone.as(admin.body.token).post('/v1/orgs/acme/tokens', { name: 'x', role: 'admin' }).expect(201);
  });
});
