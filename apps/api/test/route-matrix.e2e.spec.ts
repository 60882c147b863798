import { type ContextClaims, contextIssuer, type IssuedLicence, Role } from '@nm/kernel/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../libs/testing/test-database.js';
import { makeOwnRows, type OwnRows } from './own-rows.js';
import { Client, makePublisher, type Publisher, signup } from './publisher.js';
import { selfRoutes, table } from './route-table.js';
import { type StartedApi, startApi } from './start-api.js';

type Method = 'get' | 'post' | 'put' | 'patch' | 'delete';

interface Operation {
  readonly 'x-nm-public'?: true;
  readonly 'x-nm-credentials'?: readonly string[];
  readonly 'x-nm-role'?: Role;
  readonly 'x-nm-roles'?: readonly Role[];
  readonly 'x-nm-reads-only'?: true;
  readonly 'x-nm-looks-only'?: true;
  readonly security?: readonly Record<string, readonly string[]>[];
}

interface Route extends Operation {
  readonly name: string;
  readonly method: Method;
  readonly path: string;
}

const aRun = ({ install }: OwnRows) => ({
  action: 'scale',
  title: 'Scale',
  installId: install,
  plan: {
    steps: [
      {
        kind: 'apply',
        title: 'Apply',
        manifests: [{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'settings' } }],
      },
    ],
  },
});

/** Valid bodies for routes of licensees and installs; those that name something of somebody else want 404 for it. */
const bodies: Readonly<Record<string, (rows: OwnRows) => object>> = {
  'POST /v1/installs': ({ cluster }) => ({ clusterId: cluster, namespace: 'elsewhere' }),
  'POST /v1/installs/preview': ({ cluster }) => ({ clusterId: cluster, namespace: 'elsewhere' }),
  'POST /v1/installs/{id}/cluster-access': () => ({ enabled: true }),
  'PUT /v1/clusters/{id}/runs': () => ({ paused: true }),
  'POST /v1/runs/{id}/approval': () => ({ step: 0, decision: 'approved' }),
  'POST /v1/runs/{id}/decision': () => ({ step: 0, outcome: 'done' }),
  'POST /v1/clusters/setup-script': () => ({ namespace: 'shop' }),
  'PUT /v1/clusters/{id}/credential': () => ({ token: 'another-token' }),
  'POST /v1/windows': ({ cluster }) => ({
    ...{ title: 'Nights', clusterId: cluster, cron: '0 3 * * *', durationMinutes: 60 },
  }),
  'POST /v1/schedules': ({ install }) => ({
    ...{ title: 'Nightly', action: 'backup', installId: install, cron: '0 3 * * *' },
    plan: { steps: [{ kind: 'approval', title: 'Ask', message: 'Go?' }] },
  }),
  'POST /v1/runs': aRun,
  'POST /v1/runs/preview': aRun,
};

/** Whose id `{id}` is, by the path before it. */
const ownIds: Readonly<Record<string, (rows: OwnRows) => string>> = {
  '/v1/clusters/{id}': (rows) => rows.cluster,
  '/v1/installs/{id}': (rows) => rows.install,
  '/v1/runs/{id}': (rows) => rows.run,
  '/v1/schedules/{id}': (rows) => rows.schedule,
  '/v1/windows/{id}': (rows) => rows.window,
};

describe('every route × {no credential, wrong credential, wrong tenant, wrong role, ended licence}', () => {
  let database: TestDatabase;
  let api: StartedApi;
  let anyone: Client;
  let acme: Publisher;
  let rival: Publisher;
  let neighbour: IssuedLicence;
  let suspended: IssuedLicence;
  let grace: IssuedLicence;
  let rows: OwnRows;
  let routes: Route[];
  const byRole = new Map<Role, Client>();

  const licencesOf = '/v1/orgs/acme/apps/guestbook/licences';
  const issueTo = async (name: string, body: object = {}): Promise<IssuedLicence> => {
    const customer = await acme.client.post('/v1/orgs/acme/customers', { name }).expect(201);
    return (await acme.client.post(licencesOf, { plan: 'team', customerId: customer.body.id, ...body }).expect(201))
      .body;
  };
  const installToken = async (publisher: Publisher, own: OwnRows, change: Partial<ContextClaims> = {}) => {
    const { orgId } = await database.db.asSystem((tx) =>
      tx.licence.findUniqueOrThrow({ where: { id: publisher.licence.id } }),
    );
    return api.platform.contextKeys.sign({
      aud: [publisher.app.id, 'nm-install'],
      sub: publisher.licence.id,
      org: publisher.org,
      orgId,
      app: 'guestbook',
      appId: publisher.app.id,
      version: '1.0.0',
      versionId: own.versionId,
      mode: 'full',
      entitlements: {},
      install: { id: own.install, cluster: own.cluster, namespace: 'guestbook' },
      ...change,
    });
  };

  beforeAll(async () => {
    database = await createTestDatabase();
    api = await startApi({ database });
    anyone = new Client(api.url);
    acme = await makePublisher(anyone, 'acme');
    rival = await makePublisher(anyone, 'rival');
    neighbour = await issueTo('Neighbour');
    suspended = await issueTo('Suspended');
    await acme.client.post(`${licencesOf}/${suspended.id}/suspend`).expect(200);
    const dayMs = 86_400_000;
    const ago = (ms: number) => new Date(api.platform.clock.nowMs() - ms).toISOString();
    grace = await issueTo('Grace', { startsAt: ago(2 * dayMs), expiresAt: ago(dayMs), graceSeconds: 7 * 86_400 });
    rows = await makeOwnRows(database, acme.licence.id);
    for (const role of Role.options) {
      const { body } = await acme.client.post('/v1/orgs/acme/tokens', { name: role, role }).expect(201);
      byRole.set(role, anyone.as(body.token));
    }
    const { body } = await anyone.get('/openapi.json').expect(200);
    routes = Object.entries(body.paths as Record<string, Record<Method, Operation>>).flatMap(([path, item]) =>
      Object.entries(item).map(([method, operation]) => ({
        ...operation,
        name: `${method.toUpperCase()} ${path}`,
        method: method as Method,
        path,
      })),
    );
  });
  afterAll(async () => {
    await api.close();
    await database.close();
  });

  const closed = () => routes.filter((route) => !route['x-nm-public']);
  const takes = (...kinds: string[]) =>
    closed().filter((route) => route['x-nm-credentials']?.some((kind) => kinds.includes(kind)));
  /** The path with everything of acme's own in it. */
  const pathOf = ({ path }: Route, own: OwnRows = rows): string => {
    const prefix = Object.keys(ownIds).find((known) => path === known || path.startsWith(`${known}/`));
    const id = prefix ? ownIds[prefix]!(own) : acme.licence.id;
    const named = { org: 'acme', app: 'guestbook', version: '1.0.0', channel: 'stable', id };
    const more = {
      session: 'sess_0',
      user: 'lusr_0',
      name: 'state.a',
      token: own.token,
      digest: `sha256:${'0'.repeat(64)}`,
    };
    const values: Record<string, string> = { ...named, ...more };
    return path.replace(/\{(\w+)\}/g, (_, name: string) => values[name] ?? `no-value-for-${name}`);
  };
  const bodyOf = (route: Route): object | undefined =>
    bodies[route.name]?.(rows) ?? (route.method === 'get' || route.method === 'delete' ? undefined : {});
  const send = (client: Client, route: Route, path = pathOf(route)) => client.send(route.method, path, bodyOf(route));
  /** Collects what does not hold, so that one run shows every hole. */
  const expectAll = async (checked: Route[], check: (route: Route) => Promise<string | undefined>) => {
    expect(checked.length).toBeGreaterThan(0);
    const holes: string[] = [];
    for (const route of checked) {
      const hole = await check(route);
      if (hole) holes.push(`${route.name}: ${hole}`);
    }
    expect(holes).toEqual([]);
  };
  const unless = (status: number, code: string, answer: { status: number; body: { code?: string } }) =>
    answer.status === status && answer.body.code === code ? undefined : `${answer.status} ${answer.body.code}`;

  it('the table knows every route, and every route says whom it is for', () => {
    expect(routes.length).toBeGreaterThan(40);
    const whom = (route: Route): string =>
      route['x-nm-public']
        ? 'public'
        : [...(route['x-nm-credentials'] ?? []), ...(route['x-nm-role'] ? [route['x-nm-role']] : [])].join(' ');
    expect(Object.fromEntries(routes.map((route) => [route.name, whom(route)]))).toEqual(table);
    const known = (route: Route) =>
      selfRoutes.includes(route.name) ||
      route.name in bodies ||
      (route.path.includes('{org}') && route['x-nm-role'] !== undefined) ||
      Object.keys(ownIds).some((path) => route.path === path || route.path.startsWith(`${path}/`));
    expect(
      closed()
        .filter((route) => !known(route))
        .map(({ name }) => name),
    ).toEqual([]);
    for (const route of closed())
      expect([route.name, route.security?.map((entry) => Object.keys(entry)[0])]).toEqual([
        route.name,
        route['x-nm-credentials'],
      ]);
    expect(JSON.stringify(routes.map((route) => pathOf(route)))).not.toContain('no-value-for');
  });

  it('401: no credential', () =>
    expectAll(closed(), async (route) => unless(401, 'unauthenticated', await send(anyone, route))));

  it('401: a credential that is valid, of a kind that the route does not take', async () => {
    const credentials: Record<string, Client> = {
      publisher: byRole.get('owner')!,
      licensee: anyone.as(acme.licence.key),
      install: anyone.as(await installToken(acme, rows)),
    };
    const accepts = (route: Route, kind: string) =>
      route['x-nm-credentials']?.some((taken) => taken === kind || (kind === 'licensee' && taken === 'licence-key'));
    await expectAll(closed(), async (route) => {
      for (const [kind, client] of Object.entries(credentials)) {
        if (accepts(route, kind)) continue;
        const hole = unless(401, 'unauthenticated', await send(client, route));
        if (hole) return `${kind}: ${hole}`;
      }
      return undefined;
    });
  });

  it('404: an organisation of somebody else answers as one that does not exist', async () => {
    const login = rival.client;
    const token = await rival.client.post('/v1/orgs/rival/tokens', { name: 'ci', role: 'owner' }).expect(201);
    const stranger = anyone.as(token.body.token);
    const routesOfOrgs = closed().filter(({ path }) => path.includes('{org}'));
    await expectAll(routesOfOrgs, async (route) => {
      const missing = await send(login, route, pathOf(route).replace('/orgs/acme', '/orgs/nobody'));
      for (const client of [login, stranger]) {
        const foreign = await send(client, route);
        if (foreign.status !== 404 || foreign.text !== missing.text) return `${foreign.status} ${foreign.text}`;
      }
      return undefined;
    });
  });

  it('404: what belongs to another licensee answers as what does not exist, be it of another publisher or the next customer', async () => {
    const rivalRows = await makeOwnRows(database, rival.licence.id);
    const strangers: Record<string, Record<string, Client>> = {
      licensee: { 'another publisher': anyone.as(rival.licence.key), 'another customer': anyone.as(neighbour.key) },
      install: { 'another install': anyone.as(await installToken(rival, rivalRows)) },
    };
    const missing: OwnRows = { ...rows, cluster: 'clu_0', install: 'inst_0', run: 'run_0' };
    const owned = takes('licensee', 'install').filter(({ name }) => !selfRoutes.includes(name));
    await expectAll(owned, async (route) => {
      for (const kind of route['x-nm-credentials'] ?? [])
        for (const [who, client] of Object.entries(strangers[kind] ?? {})) {
          const foreign = await send(client, route);
          const absent = await client.send(
            route.method,
            pathOf(route, missing),
            bodies[route.name]?.(missing) ?? bodyOf(route),
          );
          if (foreign.status !== 404 || foreign.text !== absent.text)
            return `${who}: ${foreign.status} ${foreign.text} ≠ ${absent.status} ${absent.text}`;
        }
      return undefined;
    });
  });

  it('403: every role that the route does not name; the weakest that it names gets through to reading', async () => {
    const ruled = closed().filter((route) => route['x-nm-roles']);
    await expectAll(ruled, async (route) => {
      const allowed = route['x-nm-roles'] ?? [];
      for (const role of Role.options.filter((other) => !allowed.includes(other))) {
        const hole = unless(403, 'forbidden', await send(byRole.get(role)!, route));
        if (hole) return `${role}: ${hole}`;
      }
      const weakest = route['x-nm-role'];
      const answer = route.method === 'get' ? await send(byRole.get(weakest!)!, route) : undefined;
      return answer && [401, 403].includes(answer.status) ? `${weakest} gets ${answer.status}` : undefined;
    });
  });

  it('403: a suspended licence changes nothing, one in its grace period reads only, and both may look', async () => {
    await expectAll(takes('licensee', 'licence-key'), async (route) => {
      if (route.method === 'get') {
        const answer = await send(anyone.as(suspended.key), route);
        return [200, 404].includes(answer.status) ? undefined : `${answer.status} ${answer.text}`;
      }
      if (route['x-nm-looks-only']) {
        const answer = await send(anyone.as(suspended.key), route);
        return [200, 204, 404].includes(answer.status) ? undefined : `${answer.status} ${answer.text}`;
      }
      const hole = unless(403, 'licence_suspended', await send(anyone.as(suspended.key), route));
      if (hole || route['x-nm-reads-only']) return hole;
      return unless(403, 'licence_read_only', await send(anyone.as(grace.key), route));
    });
  });

  it('401: a context token for another audience, or a forged one, is no install token', async () => {
    const route = takes('install')[0]!;
    const valid = await installToken(acme, rows);
    const [head, , signature] = valid.split('.');
    const claims = {
      iss: contextIssuer,
      aud: 'nm-install',
      sub: acme.licence.id,
      exp: 4_000_000_000,
      iat: 0,
      jti: 'x',
    };
    const forged = [head, Buffer.from(JSON.stringify(claims)).toString('base64url'), signature].join('.');
    const elsewhere = await installToken(acme, rows, { aud: [acme.app.id] });
    for (const token of [elsewhere, forged]) await send(anyone.as(token), route).expect(401);
  });

  it('403: an install token that may only read, or whose licence was suspended since, starts and cancels nothing', async () => {
    const readOnly = anyone.as(await installToken(acme, rows, { mode: 'read-only' }));
    const stopped = anyone.as(await installToken(acme, rows, { sub: suspended.id }));
    const changing = takes('install').filter((route) => route.method !== 'get' && !route['x-nm-reads-only']);
    await expectAll(
      changing,
      async (route) =>
        unless(403, 'licence_read_only', await send(readOnly, route)) ??
        unless(403, 'licence_suspended', await send(stopped, route)),
    );
    await readOnly.get(`/v1/runs/${rows.run}`).expect(200);
  });

  it('a person who is no member anywhere sees the same 404', async () => {
    const outsider = await signup(anyone, 'outsider');
    await outsider.get('/v1/orgs/acme').expect(404);
  });
});
