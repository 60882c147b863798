// A PostgreSQL of the bench's own with two publishers and many installs of each; runs are queued here as the API queues them.
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { root } from '../setup/steps.mjs';

const dist = (path) => import(join(root, 'dist', path, 'index.js'));

/** One step that does nothing at all, and is recorded before and after as any other. */
const noopPlan = { steps: [{ kind: 'wait', title: 'Nothing', seconds: 0 }] };

export async function openRunStore(folder) {
  const [{ startPostgres, freePort }, { Db, ensureRoles, migrate }, { Vault }, ids, queue, { queueRun }, time] =
    await Promise.all(
      [
        'libs/testing',
        'libs/adapters/db',
        'libs/adapters/vault',
        'libs/kernel/ids',
        'libs/adapters/queue',
        'libs/features/actions',
        'libs/kernel/time',
      ].map(dist),
    );
  const port = await freePort();
  const postgres = await startPostgres({ dataDir: join(folder, 'pg'), port, password: 'bench', volatile: true });
  const url = `postgresql://nm_app:bench@127.0.0.1:${port}/postgres`;
  const masterKey = randomBytes(32);
  await ensureRoles(postgres.adminUrl, url);
  await migrate(postgres.adminUrl, join(root, 'prisma'));
  await queue.migrateQueue(postgres.adminUrl);
  const { default: pg } = await import('pg');
  const owner = new pg.Client({ connectionString: postgres.adminUrl });
  await owner.connect();
  // A wait only looks. These take turns on their install all the same, as runs do that change something.
  await owner.query(`CREATE FUNCTION bench_changes() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.changing := true; RETURN NEW; END $$;
    CREATE TRIGGER bench_changes BEFORE INSERT ON run FOR EACH ROW EXECUTE FUNCTION bench_changes()`);
  const db = new Db({ url, poolMax: 16 });
  const vault = new Vault(masterKey);

  const queueOne = ({ orgId, licenceId, installs }, i) =>
    db.withOrg(orgId, async (tx) => {
      const place = { orgId, licenceId, installId: installs[i % installs.length] };
      const work = { kind: 'action', action: 'noop', title: 'Nothing', plan: noopPlan, timeoutSeconds: 3600 };
      return queueRun(tx, { ...place, ...work }, { vault, clock: time.systemClock });
    });
  return {
    url,
    masterKey: masterKey.toString('base64'),
    freePort,
    owner,
    tenant: (installs) => seedTenant(db, vault, ids, installs),
    queueOne,
    queueMany: async (tenant, count, lanes = 8) => {
      let next = 0;
      const lane = async () => {
        while (next < count) await queueOne(tenant, next++);
      };
      await Promise.all(Array.from({ length: lanes }, lane));
    },
    /** A long queue at once: copies of a run, each announced. */
    copyRuns: (tenant, count) => copyRuns(owner, queueOne, tenant, count),
    clear: () => owner.query('DELETE FROM run; DELETE FROM outbox'),
    stop: async () => {
      await owner.end();
      await db.close();
      await postgres.stop();
    },
  };
}

async function seedTenant(db, vault, { newId, mintBearerKey }, count) {
  const id = Object.fromEntries(
    ['org', 'app', 'version', 'plan', 'customer', 'licence'].map((kind) => [kind, newId(kind)]),
  );
  const orgId = id.org;
  const key = mintBearerKey('licence');
  const installs = Array.from({ length: count }, () => newId('install'));
  await db.asSystem(async (tx) => {
    await tx.org.create({ data: { id: orgId, slug: orgId.replace('_', '-'), name: 'Acme' } });
    await tx.app.create({ data: { id: id.app, orgId, slug: 'guestbook', name: 'Guestbook' } });
    const version = { id: id.version, orgId, appId: id.app, name: '1.0.0', state: 'published', digest: 'bench' };
    await tx.appVersion.create({ data: { ...version, spec: { kind: 'container', command: ['true'] } } });
    await tx.plan.create({
      data: { id: id.plan, orgId, appId: id.app, slug: 'pro', name: 'Pro', entitlements: {}, limits: {} },
    });
    await tx.customer.create({ data: { id: id.customer, orgId, name: 'Customer' } });
    await tx.licence.create({
      data: {
        ...{ id: id.licence, orgId, appId: id.app, planId: id.plan, customerId: id.customer, state: 'active' },
        ...{ startsAt: new Date('2020-01-01'), keyLookup: key.lookup, keyHash: vault.hashBearerKey(key.text) },
      },
    });
    const cluster = newId('cluster');
    await tx.cluster.create({
      data: {
        ...{ id: cluster, orgId, customerId: id.customer, name: 'c', server: 'https://127.0.0.1:1', intake: {} },
        ...{ credential: new Uint8Array(1), checkAt: new Date('2099-01-01') },
      },
    });
    await tx.install.createMany({
      data: installs.map((install, i) => ({
        ...{ id: install, orgId, appId: id.app, versionId: id.version, licenceId: id.licence, clusterId: cluster },
        ...{ namespace: `n-${i}`, serviceAccount: 'nm', state: 'ready' },
      })),
    });
  });
  return { orgId, licenceId: id.licence, installs, key: key.text };
}

async function copyRuns(owner, queueOne, tenant, count) {
  const { id } = await queueOne(tenant, 0);
  await owner.query(
    `WITH copies AS (
       INSERT INTO run (id, org_id, install_id, licence_id, kind, action, title, plan, plan_digest, status, timeout_seconds, created_at, next_seq)
       SELECT r.id || '-' || i, r.org_id, ($3::text[])[1 + i % cardinality($3::text[])], r.licence_id, r.kind, r.action, r.title, r.plan,
              r.plan_digest, 'queued', r.timeout_seconds, now(), 2
         FROM run r, generate_series(1, $2::int) i WHERE r.id = $1 RETURNING id, org_id),
     steps AS (
       INSERT INTO run_step (id, org_id, run_id, position, role, kind, title, status)
       SELECT 'step_' || c.id, c.org_id, c.id, 0, 'work', 'wait', 'Nothing', 'idle' FROM copies c)
     INSERT INTO outbox (org_id, topic, payload) SELECT org_id, 'run', jsonb_build_object('runId', id) FROM copies`,
    [id, count - 1, tenant.installs],
  );
}
