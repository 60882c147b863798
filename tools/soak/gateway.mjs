// npm run soak:gateway [-- --seconds 1200 --actors 24 --engine net]: the built gateway under churn, until something piles up or the time is over.
// Clients vanish, read slowly or not at all, send halves; apps reset, stall and are redeployed; licences are suspended and resumed. Then all of it
// stops, and what belongs to nobody any more must be gone. Ends with status 1 when it is not.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { inspectFlag, openInspector } from '../bench/inspector.mjs';
import { answers, assertAlive, CannotMeasure, stopAll } from '../bench/processes.mjs';
import { openStore, startGateway } from '../bench/stage.mjs';
import { prepare, Stop } from '../setup/steps.mjs';
import { startApp } from './app.mjs';
import { openClients, pick } from './clients.mjs';
import { look, slopeOf, transient } from './watch.mjs';

const { values: options } = parseArgs({
  options: {
    seconds: { type: 'string', default: '1200' },
    actors: { type: 'string', default: '24' },
    engine: { type: 'string', default: 'net' },
    /** The build is known to be current: a test must not replace what others run. */
    prepared: { type: 'boolean', default: false },
  },
});
const seconds = Number(options.seconds);
const actors = Number(options.actors);
const licences = 120;
const steadyLicences = 10;
const reportMs = Math.min(10_000, (seconds * 1000) / 4);
/** Longer than every timeout that ends something here. */
const settleMsMax = 60_000;
const heapGrowthMbMax = 6;
const fdsGrowthMax = 3;
const steadyFailedMax = 2;

const gatewayEnv = {
  NM_GATEWAY_ENGINE: options.engine,
  NM_GATEWAY_IDLE_TIMEOUT_MS: '5000',
  NM_GATEWAY_HEADERS_TIMEOUT_MS: '3000',
  NM_GATEWAY_LOG_SAMPLE: '0',
  NM_LOG_LEVEL: 'fatal',
};

/** Everything that changes behind the gateway's back: licences, rules of the app, and where it runs. */
function openOwner(store, db, recordChange) {
  const { orgId, appId, version } = { orgId: store.ids.org, appId: store.ids.app, version: store.ids.version };
  const setLicence = (id, state) =>
    db.asSystem(async (tx) => {
      await tx.licence.update({ where: { id }, data: { state } });
      await recordChange(tx, { kind: 'licence', id, orgId });
    });
  const setInstance = (data) =>
    db.asSystem(async (tx) => {
      const { id } = await tx.instance.update({ where: { slot: version }, data });
      await recordChange(tx, { kind: 'instance', id, orgId });
    });
  return {
    setInstance,
    async suspendOne() {
      const id = pick(store.licenceIds.slice(steadyLicences));
      await setLicence(id, 'suspended');
      await sleep(Math.random() * 1_000);
      await setLicence(id, 'active');
    },
    touchApp: () => db.asSystem((tx) => recordChange(tx, { kind: 'rules', id: appId, orgId })),
    resumeAll: async () => {
      await db.asSystem((tx) => tx.licence.updateMany({ where: { orgId }, data: { state: 'active' } }));
    },
  };
}

/** until repeats something with pauses, until `stopped`; a fault in it ends the soak. */
async function until(stopped, pauseMs, work) {
  while (!stopped()) {
    await work();
    await sleep(pauseMs * (0.5 + Math.random()));
  }
}

/** redeploys the app: the new one is announced, then the old one goes, gently or at once; now and then it sleeps and is woken. */
async function redeploy(owner, current) {
  const old = current.app;
  current.app = await startApp();
  if (Math.random() < 0.3) {
    await owner.setInstance({ observed: 'stopped', address: null });
    await sleep(400);
  }
  await owner.setInstance({ observed: 'ready', desired: 'running', address: `127.0.0.1:${current.app.port}` });
  await sleep(500);
  old.close(Math.random() < 0.5);
  setTimeout(() => old.close(false), 5_000);
}

const columns = [...transient, 'fds', 'heapMb', 'externalMb', 'rssMb'];
const line = (cells) => cells.map((cell) => String(cell).padStart(10)).join('');

async function churn({ owner, clients, current, target }) {
  let stop = false;
  const stopped = () => stop;
  const startedMs = performance.now();
  const loops = [
    ...Array.from({ length: actors }, () => until(stopped, 60, clients.visit)),
    until(stopped, 50, clients.steady),
    until(stopped, 400, owner.suspendOne),
    until(stopped, 3_000, owner.touchApp),
    until(stopped, 4_000, () => redeploy(owner, current)),
  ];
  const failed = Promise.all(loops).then(() => undefined);
  const samples = [];
  console.log(line(['s', ...columns, 'visits', 'steady', 'failed']));
  while (performance.now() - startedMs < seconds * 1000) {
    await Promise.race([sleep(reportMs), failed]);
    assertAlive(target.gateway);
    const seen = { s: Math.round((performance.now() - startedMs) / 1000), ...(await look(target)) };
    samples.push(seen);
    const { visits, steady, steadyFailed } = clients.counts;
    console.log(line([seen.s, ...columns.map((name) => seen[name]), visits, steady, steadyFailed]));
  }
  stop = true;
  await failed;
  return samples;
}

/** settle waits until what belongs to nobody is gone, or for too long. */
async function settle(target, before) {
  const startedMs = performance.now();
  for (;;) {
    const seen = await look(target);
    const clean = transient.every((name) => seen[name] === 0) && seen.fds <= before.fds + fdsGrowthMax;
    if (clean || performance.now() - startedMs > settleMsMax) return seen;
    await sleep(1_000);
  }
}

function judge(before, samples, after, counts) {
  const verdict = transient.map((name) => ({ name, value: after[name], bar: 0, ok: after[name] === 0 }));
  const atMost = (name, value, bar, unit) =>
    verdict.push({ name, value: Math.round(value * 100) / 100, unit, bar, ok: value <= bar });
  atMost('descriptors more than before', after.fds - before.fds, fdsGrowthMax, '');
  const last = samples.slice(Math.floor(samples.length / 3));
  const growth = (name) =>
    slopeOf(last.map((seen) => [seen.s, seen[name]])) * ((last.at(-1)?.s ?? 0) - (last[0]?.s ?? 0));
  const long = seconds >= 120;
  // In a short run the caches still fill and the machine code still grows: there the end is held against the first look.
  const heap = long ? growth('heapMb') : after.heapMb - (samples[0]?.heapMb ?? 0);
  atMost('live heap grown by', heap, heapGrowthMbMax, 'MB');
  const external = long ? growth('externalMb') : after.externalMb - (samples[0]?.externalMb ?? 0);
  atMost('live memory outside of the heap grown by', external, heapGrowthMbMax, 'MB');
  // Some meet an app that is being killed; a short run has too few for a share.
  const failed = (counts.steadyFailed / Math.max(1, counts.steady)) * 100;
  if (long) atMost('steady requests that failed', failed, steadyFailedMax, '%');
  return verdict;
}

async function main() {
  if (!options.prepared) await prepare();
  const folder = mkdtempSync(join(tmpdir(), 'nm-soak-'));
  const closers = [() => stopAll(), () => rmSync(folder, { recursive: true, force: true })];
  const clean = async () => {
    for (const close of closers.splice(0)) await close();
  };
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void clean().then(() => process.exit(130)));
  try {
    const current = { app: await startApp() };
    closers.unshift(() => current.app.close(false));
    const store = await openStore(folder, current.app.port, licences);
    closers.splice(2, 0, () => store.stop());
    const { recordChange } = await import('../../dist/libs/adapters/db/index.js');
    const db = store.openDb();
    closers.unshift(() => db.close());
    const [port, opsPort] = [await store.freePort(), await store.freePort()];
    const env = { ...gatewayEnv, NM_OPS_PORT: String(opsPort) };
    const gateway = startGateway(undefined, port, store, { flags: [inspectFlag], env });
    const inspector = await openInspector(gateway.child);
    closers.unshift(() => inspector.close());
    const url = `http://127.0.0.1:${port}/kama/acme/guestbook/ok`;
    await answers(gateway, url, { authorization: `Bearer ${store.keys[0]}` }, 'ok');
    const target = { gateway, pid: gateway.child.pid, opsPort, inspector };
    const steadyKeys = store.keys.slice(0, steadyLicences);
    const clients = openClients({ port, keys: store.keys.slice(steadyLicences), steadyKeys });
    closers.unshift(() => clients.close());
    const owner = openOwner(store, db, recordChange);
    console.log(`${seconds} s of churn on the ${options.engine} engine, ${actors} actors, ${licences} licences`);
    const before = await look(target);
    const samples = await churn({ owner, clients, current, target });
    clients.close();
    const after = await settle(target, before);
    console.log(line(['after', ...columns.map((name) => after[name])]));
    console.log(`answers: ${JSON.stringify(clients.statuses)} (0: cut off)\n`);
    const verdict = judge(before, samples, after, clients.counts);
    for (const { name, value, unit = '', bar, ok } of verdict)
      console.log(`${ok ? 'ok     ' : 'NOT OK '} ${name}: ${value} ${unit} (at most ${bar})`);
    const ok = verdict.every((part) => part.ok);
    console.log(
      JSON.stringify({ soak: 'gateway', engine: options.engine, seconds, ok, verdict, before, after, samples }),
    );
    if (!ok) process.exitCode = 1;
  } finally {
    await clean();
  }
}

try {
  await main();
} catch (error) {
  console.error(error instanceof CannotMeasure || error instanceof Stop ? error.message : error);
  process.exitCode = 1;
}
