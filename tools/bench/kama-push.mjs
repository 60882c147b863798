// How long a publisher waits from the push of a new bundle to its first answer, through everything: the API, the gateway, the host, the install's cluster. A whole NMachine
// is started for it, as `npm start` does, with a state folder and ports of its own.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CannotMeasure } from './processes.mjs';

const startMsMax = 900_000;
const answerMsMax = 60_000;

/** pushes gives, for each of so many bundles, milliseconds until it was stored, until its version was published, and until the gateway gave an answer of it. The first is not counted: its host is started for it. */
export async function pushes(count, { packBundle, readBundleFolder }, { freePort }) {
  const home = mkdtempSync(join(tmpdir(), 'nm-bench-push-'));
  const names = ['GATEWAY', 'GATEWAY_TLS', 'API', 'OPS', 'POSTGRES', 'AGENT'];
  const ports = await Promise.all(names.map(async (name) => [`NM_${name}_PORT`, String(await freePort())]));
  const env = { ...process.env, ...Object.fromEntries(ports), NM_HOME: home };
  const devstack = spawn('npm', ['start', '--silent'], { env, detached: true, stdio: 'ignore' });
  const ended = new Promise((done) => devstack.once('close', done));
  try {
    const demo = await demoOf(join(home, 'demo.json'), devstack);
    const publisher = await publisherOf(demo);
    const files = await readBundleFolder('examples/guestbook-bundle');
    const spec = JSON.parse(readFileSync('examples/guestbook-bundle/version.json', 'utf8'));
    const rounds = [];
    for (let n = 0; n <= count; n++) {
      const text = `kind: ManifestVariable\nid: pushed.number\ntitle: "push ${n}"\n`;
      const packed = packBundle([...files, { path: 'descriptors/pushed.yaml', text }]);
      const name = `9.0.${n}`;
      const beganMs = performance.now();
      await publisher('PUT', `/bundles/${packed.digest}`, packed.bytes, 'application/vnd.nmachine.bundle');
      const storedMs = performance.now() - beganMs;
      await publisher('POST', '/apps/guestbook/versions', { name, spec: { ...spec, bundle: packed.digest } });
      await publisher('POST', `/apps/guestbook/versions/${name}/publish`, {});
      await publisher('PUT', '/apps/guestbook/channels/stable', { version: name });
      const publishedMs = performance.now() - beganMs;
      await answered(demo, `push ${n}`);
      if (n > 0) rounds.push({ storedMs, publishedMs, answeredMs: performance.now() - beganMs });
    }
    return rounds;
  } finally {
    if (devstack.exitCode === null) process.kill(-devstack.pid, 'SIGINT');
    await ended;
    rmSync(home, { recursive: true, force: true });
  }
}

/** The demo, once an install of it is ready. */
async function demoOf(file, devstack) {
  for (const began = performance.now(); performance.now() - began < startMsMax; await sleep(200)) {
    if (devstack.exitCode !== null) throw new CannotMeasure('npm start ended by itself; try it in a terminal');
    const demo = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
    if (demo.install) return demo;
  }
  throw new CannotMeasure('npm start makes no install on a demo cluster here (it needs Go)');
}

async function publisherOf({ apiUrl, publisher }) {
  const headers = { 'content-type': 'application/json' };
  const { email, password } = publisher;
  const body = JSON.stringify({ email, password });
  const signedIn = await fetch(`${apiUrl}/v1/auth/login`, { method: 'POST', headers, body });
  const { accessToken } = await signedIn.json();
  return async (method, path, content, type = 'application/json') => {
    const answer = await fetch(`${apiUrl}/v1/orgs/acme${path}`, {
      method,
      headers: { authorization: `Bearer ${accessToken}`, 'content-type': type },
      body: type === 'application/json' ? JSON.stringify(content) : content,
    });
    const text = await answer.text();
    if (!answer.ok) throw new CannotMeasure(`${method} ${path} answered ${answer.status}: ${text.slice(0, 300)}`);
  };
}

/** Asked again and again: until the gateway has heard of the new version, the one before answers. */
async function answered({ gatewayUrl, licences }, title) {
  const url = `${gatewayUrl}/kama/acme/guestbook/api/variables/detail/pushed.number`;
  let said = '';
  for (const began = performance.now(); performance.now() - began < answerMsMax; await sleep(5)) {
    const answer = await fetch(url, { headers: { authorization: `Bearer ${licences.active}` } });
    said = await answer.text();
    if (answer.ok && JSON.parse(said).data?.title === title) return;
  }
  throw new CannotMeasure(`the gateway gives no answer of the new bundle: ${said.slice(0, 300)}`);
}
