// A real PostgreSQL with one publisher, one app and many licences, and the built gateway as its own process.
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { root } from '../setup/steps.mjs';
import { start } from './processes.mjs';

const dist = (path) => import(join(root, 'dist', path, 'index.js'));

/** What a publisher could well have: a rule on the licence, one on the request, one on the address. None of them stops the load. */
export const rules = [
  { id: 'trials-read', name: 'Trials read', effect: 'read-only', when: 'licence.trial' },
  { id: 'no-admin', name: 'No admin', effect: 'deny', when: 'request.route_class == "admin" && plan.slug != "pro"' },
  { id: 'not-there', name: 'Not from there', effect: 'deny', when: 'request.address.inCidr("203.0.113.0/24")' },
];
/** A rate limit that is counted and never reached. */
const limits = { requestsPerSecond: 1_000_000, burst: 1_000_000, concurrency: 10_000 };

/** @returns stop(), databaseUrl, masterKey, keys: licence keys that are let in, licenceIds beside them, ids of what they belong to, openDb(), moveInstance(address) */
export async function openStore(folder, upstreamPort, licences) {
  const [{ startPostgres, freePort }, { Db, ensureRoles, migrate, recordChange }, { Vault }, { mintBearerKey, newId }] =
    await Promise.all(['libs/testing', 'libs/adapters/db', 'libs/adapters/vault', 'libs/kernel/ids'].map(dist));
  const port = await freePort();
  const postgres = await startPostgres({ dataDir: join(folder, 'pg'), port, password: 'bench', volatile: true });
  const url = `postgresql://nm_app:bench@127.0.0.1:${port}/postgres`;
  const masterKey = randomBytes(32);
  try {
    await ensureRoles(postgres.adminUrl, url);
    await migrate(postgres.adminUrl, join(root, 'prisma'));
    const db = new Db({ url });
    const seeded = await seed(db, new Vault(masterKey), { mintBearerKey, newId }, upstreamPort, licences);
    await db.close();
    const stop = () => postgres.stop();
    const openDb = () => new Db({ url });
    const moveInstance = (address) => move(openDb(), seeded.ids, address, recordChange);
    return {
      stop,
      databaseUrl: url,
      masterKey: masterKey.toString('base64'),
      ...seeded,
      freePort,
      openDb,
      moveInstance,
    };
  } catch (error) {
    await postgres.stop();
    throw error;
  }
}

/** move has the app answered from another address, and lets every gateway hear of it. */
async function move(db, { version, org }, address, recordChange) {
  await db.asSystem(async (tx) => {
    const { id } = await tx.instance.update({ where: { slot: version }, data: { address } });
    await recordChange(tx, { kind: 'instance', id, orgId: org });
  });
  await db.close();
}

async function seed(db, vault, { mintBearerKey, newId }, upstreamPort, licences) {
  const ids = Object.fromEntries(['org', 'app', 'version', 'plan', 'customer'].map((kind) => [kind, newId(kind)]));
  const orgId = ids.org;
  const appId = ids.app;
  await db.asSystem(async (tx) => {
    await tx.org.create({ data: { id: orgId, slug: 'acme', name: 'Acme' } });
    await tx.app.create({ data: { id: appId, orgId, slug: 'guestbook', name: 'Guestbook' } });
    const spec = { kind: 'container', command: ['true'], tenancy: 'app' };
    const version = { id: ids.version, orgId, appId, name: '1.0.0', state: 'published', spec, digest: 'bench' };
    await tx.appVersion.create({ data: version });
    await tx.channel.create({ data: { id: newId('channel'), orgId, appId, name: 'stable', versionId: ids.version } });
    await tx.plan.create({
      data: { id: ids.plan, orgId, appId, slug: 'pro', name: 'Pro', entitlements: { seats: 5 }, limits },
    });
    await tx.accessRuleSet.create({
      data: { id: newId('ruleSet'), orgId, appId, version: 1, rules, author: 'bench', createdAt: new Date() },
    });
    await tx.customer.create({ data: { id: ids.customer, orgId, name: 'Customer' } });
    await tx.instance.create({
      data: {
        id: newId('instance'),
        orgId,
        appId,
        versionId: ids.version,
        slot: ids.version,
        desired: 'running',
        observed: 'ready',
        address: `127.0.0.1:${upstreamPort}`,
      },
    });
  });
  const keys = Array.from({ length: licences }, () => mintBearerKey('licence'));
  const licenceIds = keys.map(() => newId('licence'));
  // In portions: one transaction may not live long, here as in the product.
  for (let from = 0; from < keys.length; from += 500) {
    const data = keys.slice(from, from + 500).map((key, i) => ({
      id: licenceIds[from + i],
      orgId,
      appId,
      planId: ids.plan,
      customerId: ids.customer,
      state: 'active',
      startsAt: new Date('2020-01-01'),
      expiresAt: new Date('2099-01-01'),
      keyLookup: key.lookup,
      keyHash: vault.hashBearerKey(key.text),
    }));
    await db.asSystem((tx) => tx.licence.createMany({ data }));
  }
  return { keys: keys.map(({ text }) => text), licenceIds, ids };
}

export const gatewayEnv = (port, { databaseUrl, masterKey }) => ({
  NODE_ENV: 'production',
  NM_DATABASE_URL: databaseUrl,
  NM_MASTER_KEY: masterKey,
  NM_GATEWAY_PORT: String(port),
  NM_GATEWAY_LOG_SAMPLE: '0.01',
  NM_OPS_PORT: '0',
  NM_GATEWAY_DRAIN_LISTEN_MS: '0',
});

/** @param more.flags of Node @param more.env over what is set here */
export const startGateway = (core, port, store, { flags = [], env = {} } = {}) =>
  start('gateway', core, [process.execPath, ...flags, join(root, 'dist/apps/gateway/src/main.js')], {
    ...gatewayEnv(port, store),
    ...env,
  });
