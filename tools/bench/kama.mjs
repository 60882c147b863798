// npm run bench:kama: the host of bundles with 1,000 installs of 50 bundles. The host is the real program; NMachine's API, the gateway's keys and the cluster are
// one stub in this process, so its processor time is not the host's. BENCH_ROUNDS (3), BENCH_SECONDS (4), BENCH_STARTS (10), BENCH_PUSHES (5; 0 leaves out
// the push through a whole NMachine, which takes minutes to start). The last line is one JSON object for scripts.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { Agent, request } from 'undici';
import { prepare as prepareProject } from '../setup/steps.mjs';
import { coldStarts } from './kama-cold.mjs';
import { pushes } from './kama-push.mjs';
import { answers, CannotMeasure, cpuSeconds, start, stopAll } from './processes.mjs';

const rounds = Math.max(1, Number(process.env.BENCH_ROUNDS ?? 3));
const roundMs = Math.max(0.5, Number(process.env.BENCH_SECONDS ?? 4)) * 1000;
const startsWanted = Math.max(3, Number(process.env.BENCH_STARTS ?? 10));
const pushesWanted = Math.max(0, Number(process.env.BENCH_PUSHES ?? 5));
const [installs, bundles, atOnce] = [1_000, 50, 16];
const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
const spread = (values) => `${Math.round(Math.min(...values))} to ${Math.round(Math.max(...values))}`;

/** The example's own files, each bundle a little different, as different publishers would be. */
async function bundlesOf({ packBundle, readBundleFolder }) {
  const files = await readBundleFolder('examples/guestbook-bundle');
  return (index) => {
    const own = { path: 'descriptors/own.yaml', text: `kind: Supplier\nid: own\nsource: ${index}\n` };
    const { bytes, digest } = packBundle([...files, own]);
    return { digest, bundle: bytes.toString('utf8') };
  };
}

const kamafile = JSON.stringify({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'kamafile', resourceVersion: '1' },
  data: { app: JSON.stringify({ user_vars: { web: { replicas: 3 } }, default_vars: { web: { replicas: 1 } } }) },
});
const resources = JSON.stringify({
  kind: 'APIResourceList',
  resources: ['configmaps ConfigMap', 'secrets Secret'].map((each) => {
    const [name, kind] = each.split(' ');
    return { name, kind, namespaced: true, verbs: ['get'] };
  }),
});
const absent = JSON.stringify({ kind: 'Status', status: 'Failure', reason: 'NotFound', code: 404 });

const claimsOf = (authorization) => JSON.parse(Buffer.from(authorization.split('.')[1], 'base64url').toString());

async function startStub(jwk, bundleOf) {
  const server = createServer((asked, reply) => {
    const path = asked.url ?? '';
    const say = (status, text) => reply.writeHead(status, { 'content-type': 'application/json' }).end(text);
    if (path.endsWith('/jwks.json')) return say(200, JSON.stringify({ keys: [jwk] }));
    if (path === '/v1/kama/bundle') {
      const { versionId } = claimsOf(asked.headers.authorization);
      return say(200, JSON.stringify(bundleOf(Number(versionId.split('_')[1]))));
    }
    if (path.endsWith('/proxy/api/v1')) return say(200, resources);
    return path.endsWith('/configmaps/kamafile') ? say(200, kamafile) : say(404, absent);
  });
  server.keepAliveTimeout = 120_000;
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  return { server, url: `http://127.0.0.1:${server.address().port}` };
}

/** A context as the gateway signs it: install `n` uses bundle `n % 50`. */
async function contextsOf(privateKey) {
  const sign = (n, version = n % bundles) =>
    new SignJWT({
      ...{
        org: 'acme',
        orgId: 'org_1',
        app: 'guestbook',
        appId: 'app_1',
        version: '1.0.0',
        versionId: `ver_${version}`,
      },
      ...{ mode: 'full', entitlements: {}, jti: `j${n}` },
      install: { id: `ins_${n}`, cluster: 'clu_1', namespace: `ns-${n}` },
    })
      .setProtectedHeader({ alg: 'EdDSA', kid: 'one' })
      .setIssuer('nmachine')
      .setAudience(['app_1', 'nm-install'])
      .setSubject('lic_1')
      .setIssuedAt()
      .setExpirationTime('1h')
      .sign(privateKey);
  const tokens = [];
  for (let n = 0; n < installs; n++) tokens.push(await sign(n));
  return { tokens, sign };
}

const memoryProbe =
  "process.on('SIGUSR2', () => { gc(); gc(); process.stderr.write('MEM' + JSON.stringify(process.memoryUsage()) + '\\n'); });";

async function memoryOf(host) {
  const before = host.errors().split('MEM').length;
  host.child.kill('SIGUSR2');
  for (let n = 0; n < 200; n++) {
    const said = host.errors().split('MEM');
    if (said.length > before && said.at(-1).includes('\n')) return JSON.parse(said.at(-1).split('\n')[0]);
    await sleep(50);
  }
  throw new CannotMeasure('the host tells nothing of its memory');
}

async function measure() {
  await prepareProject();
  const sdk = await import('../../dist/libs/kama-sdk/index.js');
  const { publicKey, privateKey } = await generateKeyPair('EdDSA', { extractable: true });
  const bundleOf = await bundlesOf(sdk);
  const stub = await startStub({ ...(await exportJWK(publicKey)), kid: 'one', alg: 'EdDSA' }, bundleOf);
  const { tokens, sign } = await contextsOf(privateKey);
  const port = 20_000 + (process.pid % 20_000);
  const probe = `--import=data:text/javascript,${encodeURIComponent(memoryProbe)}`;
  const host = start(
    'host',
    undefined,
    [
      process.execPath,
      '--no-warnings',
      '--expose-gc',
      '--max-old-space-size=512',
      probe,
      'dist/apps/kama/src/main.js',
      'host',
    ],
    {
      ...{ HOST: '127.0.0.1', PORT: String(port), NM_API_URL: stub.url, NM_GATEWAY_URL: stub.url },
      NM_JWKS_URL: `${stub.url}/jwks.json`,
      NM_LOG_LEVEL: 'warn',
    },
  );
  const base = `http://127.0.0.1:${port}`;
  const agent = new Agent({ connections: atOnce, pipelining: 1 });
  await answers(host, `${base}/api/ping`, {}, '{"ping":"pong"}');
  const ask = async (token, path, method = 'GET', body = undefined) => {
    const answer = await request(base + path, {
      ...{ dispatcher: agent, method, body },
      headers: { 'nm-context': token, 'content-type': 'application/json' },
    });
    const text = await answer.body.text();
    if (answer.statusCode !== 200)
      throw new CannotMeasure(`${method} ${path} answered ${answer.statusCode}: ${text.slice(0, 300)}`);
    return text;
  };
  const variables = (token) => ask(token, '/api/variables/all');
  const typed = JSON.stringify({ values: { 'web.replicas': 6 } });
  const refresh = (token) => ask(token, '/api/operations/app.operation.resize/steps/size/refresh', 'POST', typed);

  // Everything that is there once: the program, its engines, every bundle.
  for (let n = 0; n < bundles; n++) await variables(tokens[n]);
  await variables(tokens[0]);
  const empty = await memoryOf(host);
  for (let n = 0; n < installs; n += atOnce) await Promise.all(tokens.slice(n, n + atOnce).map(variables));
  await sleep(2_000);
  const full = await memoryOf(host);
  const kibOfInstall = (full.rss - empty.rss) / (installs - bundles) / 1024;
  const heapKibOfInstall =
    (full.heapUsed + full.external - empty.heapUsed - empty.external) / (installs - bundles) / 1024;

  const perCpu = { variables: [], refresh: [] };
  for (let round = 0; round < rounds; round++)
    for (const [name, call] of [
      ['variables', variables],
      ['refresh', refresh],
    ]) {
      const [beganCpu, beganMs] = [cpuSeconds(host), performance.now()];
      let done = 0;
      const one = async (lane) => {
        for (let n = lane; performance.now() - beganMs < roundMs; n += atOnce) {
          await call(tokens[n % installs]);
          done++;
        }
      };
      await Promise.all(Array.from({ length: atOnce }, (_, lane) => one(lane)));
      perCpu[name].push(done / (cpuSeconds(host) - beganCpu));
    }

  const firstMs = [];
  for (let n = 0; n < 10; n++) {
    const token = await sign(n, 1_000 + n);
    const beganMs = performance.now();
    await variables(token);
    firstMs.push(performance.now() - beganMs);
  }
  agent.destroy();
  await stopAll();
  const starts = await coldStarts(startsWanted, stub.url);
  stub.server.close();
  stub.server.closeAllConnections();
  const testing = await import('../../dist/libs/testing/index.js');
  const pushed = pushesWanted === 0 ? [] : await pushes(pushesWanted, sdk, testing);
  return {
    perCpu,
    pushed,
    kibOfInstall,
    heapKibOfInstall,
    firstMs,
    starts,
    load: readFileSync('/proc/loadavg', 'utf8').split(' ')[0],
  };
}

try {
  const { perCpu, kibOfInstall, heapKibOfInstall, firstMs, starts, pushed, load } = await measure();
  console.log(`\n${installs} installs of ${bundles} bundles in one host; load of the machine ${load}`);
  console.log(
    `  GET /api/variables/all      ${Math.round(median(perCpu.variables))} requests per CPU second (${spread(perCpu.variables)})`,
  );
  console.log(
    `  POST .../size/refresh       ${Math.round(median(perCpu.refresh))} requests per CPU second (${spread(perCpu.refresh)})`,
  );
  console.log(
    `  an idle install             ${kibOfInstall.toFixed(0)} KiB of resident memory, ${heapKibOfInstall.toFixed(0)} KiB of live heap`,
  );
  console.log(
    `  new bundle to first answer  ${median(firstMs).toFixed(0)} ms (${spread(firstMs)}), at the host: loaded, checked, compiled, answered`,
  );
  const [wallMs, cpuMs] = [starts.map((each) => each.wallMs), starts.map((each) => each.cpuMs)];
  console.log(
    `  cold process start of icecream  ${median(wallMs).toFixed(0)} ms (${spread(wallMs)}) to the first answer, ${median(cpuMs).toFixed(0)} ms (${spread(cpuMs)}) of processor time`,
  );
  const wholeMs = pushed.map(({ answeredMs }) => answeredMs);
  if (pushed.length > 0)
    console.log(
      `  push to first answer        ${median(wholeMs).toFixed(0)} ms (${spread(wholeMs)}) through the API, the gateway and the host; stored after ${median(pushed.map(({ storedMs }) => storedMs)).toFixed(0)} ms, published after ${median(pushed.map(({ publishedMs }) => publishedMs)).toFixed(0)} ms`,
    );
  const goals = [
    ...(pushed.length === 0
      ? []
      : [
          {
            name: 'push of a bundle to its first answer',
            value: Math.round(median(wholeMs)),
            unit: 'ms',
            bar: 1000,
            ok: median(wholeMs) <= 1000,
          },
        ]),
    {
      name: 'cold process start of icecream',
      value: Math.round(median(wallMs)),
      unit: 'ms',
      bar: 400,
      ok: median(wallMs) <= 400,
    },
    {
      name: 'memory of an idle install',
      value: Math.round(kibOfInstall),
      unit: 'KiB',
      bar: 200,
      ok: kibOfInstall <= 200,
    },
    {
      name: 'new bundle to first answer at the host',
      value: Math.round(median(firstMs)),
      unit: 'ms',
      bar: 1000,
      ok: median(firstMs) <= 1000,
    },
  ];
  const rate = { variables: Math.round(median(perCpu.variables)), refresh: Math.round(median(perCpu.refresh)) };
  console.log(
    JSON.stringify({ bench: 'kama', rounds, goals, rate, heapKibOfInstall: Math.round(heapKibOfInstall), load }),
  );
} catch (error) {
  console.error(error instanceof CannotMeasure ? error.message : error);
  process.exitCode = 1;
} finally {
  await stopAll();
}
