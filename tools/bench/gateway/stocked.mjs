// The gateway with as many licences as one likes, on as many apps: everything is the product's but the tables that its directory reads,
// which are made here, because writing and reading 100,000 of them through a database would take longer than the bench.
// node stocked.mjs LICENCES APPS KEYS_FILE UPSTREAM: writes a line "KEY PATH" for each.
import { writeFileSync } from 'node:fs';
import { root } from '../../setup/steps.mjs';
import { rules } from '../stage.mjs';

const [licences, appCount, keysFile, upstream] = process.argv.slice(2);
const count = Number(licences);
const dist = (path) => import(`${root}/dist/${path}`);
const { mintBearerKey, newId } = await dist('libs/kernel/ids/index.js');
const { systemClock } = await dist('libs/kernel/time/index.js');
const { Vault } = await dist('libs/adapters/vault/index.js');
const { createLogger } = await dist('libs/adapters/telemetry/index.js');
const { readConfig } = await dist('apps/gateway/src/config.js');
const { startGateway } = await dist('apps/gateway/src/start-gateway.js');

const vault = new Vault(Buffer.from(process.env.NM_MASTER_KEY, 'base64'));
const orgId = newId('org');
const slugOf = (i) => `app-${String(i).padStart(6, '0')}`;
const made = Array.from({ length: count }, () => {
  const { text, lookup } = mintBearerKey('licence');
  return {
    text,
    lookup,
    licence: newId('licence'),
    hash: vault.hashBearerKey(text),
  };
});
const apps = Array.from({ length: Number(appCount) }, () => ({ id: newId('app'), version: newId('version') }));
const appOf = (i) => i % apps.length;
writeFileSync(keysFile, made.map(({ text }, i) => `${text} /kama/acme/${slugOf(appOf(i))}/api/status`).join('\n'), {
  mode: 0o600,
});
const byLookup = new Map(made.map(({ lookup }, i) => [lookup, i]));
const byLicence = new Map(made.map(({ licence }, i) => [licence, i]));
const byApp = new Map(apps.map(({ id }, i) => [id, i]));
const byVersion = new Map(apps.map(({ version }, i) => [version, i]));

/** A row as a driver gives it: nothing in it is shared with another row. */
const row = (value) => structuredClone(value);
const spec = { kind: 'container', command: ['true'], tenancy: 'app', startSeconds: 30, idleSeconds: 600 };
const limits = { requestsPerSecond: 1_000_000, burst: 1_000_000, concurrency: 10_000 };

const licenceRow = (i) => ({
  id: made[i].licence,
  orgId,
  appId: apps[appOf(i)].id,
  planId: 'plan',
  customerId: 'customer',
  state: 'active',
  startsAt: new Date('2020-01-01'),
  expiresAt: new Date('2099-01-01'),
  grace: [],
  trial: false,
  keyLookup: made[i].lookup,
  keyHash: made[i].hash,
  updatedAt: new Date(1_700_000_000_000 + i),
  plan: { slug: 'pro', entitlements: { seats: 5, export: true, region: 'eu' }, limits },
  customer: { id: `customer-${i}`, name: `Customer ${i}` },
  app: { slug: slugOf(appOf(i)), org: { slug: 'acme' } },
});
const appRow = (i) => ({
  id: apps[i].id,
  orgId,
  kind: 'kama',
  engines: [],
  corsOrigins: [],
  limits: {},
  renewalUrl: null,
  org: { limits: {}, renewalUrl: null },
  ruleSets: [{ version: 1, rules }],
});
const versionRow = (i) => ({ id: apps[i].version, appId: apps[i].id, orgId, name: '1.0.0', state: 'published', spec });
const instanceRow = (i) => ({
  id: `kin_${i}`,
  orgId,
  observed: 'ready',
  desired: 'running',
  address: upstream,
  notBefore: null,
});
const found = (i, make) => (i === undefined ? null : row(make(i)));
const tables = {
  licence: {
    findUnique: async ({ where: { id, keyLookup } }) =>
      found(id === undefined ? byLookup.get(keyLookup) : byLicence.get(id), licenceRow),
  },
  app: { findFirst: async ({ where: { slug } }) => found(Number(slug.slice(4)), appRow) },
  appVersion: { findFirst: async () => null },
  channel: {
    findFirst: async ({ where: { appId } }) =>
      found(byApp.get(appId), (i) => ({ name: 'stable', version: versionRow(i), nextVersion: null, nextPercent: 0 })),
  },
  install: { findMany: async () => [] },
  instance: { findUnique: async ({ where: { slot } }) => found(byVersion.get(slot), instanceRow) },
};
const config = readConfig();
await startGateway(config, {
  clock: systemClock,
  log: createLogger('gateway', config.logLevel),
  entries: { asSystem: (work) => work(tables) },
});
