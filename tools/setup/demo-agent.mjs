// `npm run demo:agent`: with `npm start` and its demo cluster running, registers that cluster a second time, as one that only dials out, installs the demo
// on it and runs its agent here until Ctrl-C. What happens there afterwards goes through the tunnel.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { home, main, root, Stop } from './steps.mjs';

const namespace = 'private';

await main(async () => {
  const file = join(home, 'demo.json');
  if (!existsSync(file)) throw new Stop(`There is no ${file} yet. Run \`npm start\` in another terminal first.`);
  const { apiUrl, agentUrl, licences, kubeconfig } = JSON.parse(readFileSync(file, 'utf8'));
  if (!kubeconfig || !existsSync(kubeconfig))
    throw new Stop('The demo cluster is not ready yet: wait until `npm start` says that it is.');
  const kubelab = [join(root, 'tools/kubelab/main.ts'), 'exec', '--name', 'demo', '--', 'kubectl'];
  const kube = (args, input) => run(process.execPath, [...kubelab, ...args], input);
  const api = async (method, path, body) => {
    const answer = await fetch(`${apiUrl}/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${licences.active}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Stop(`${method} ${path}: ${text}`);
    return text ? JSON.parse(text) : undefined;
  };

  const known = (await api('GET', '/clusters')).data.find(({ name }) => name === 'private');
  const cluster = known ?? (await api('POST', '/clusters', { name: 'private', agent: true }));
  // A token is shown once; who has lost it asks for another.
  const agentToken =
    cluster.agentToken ?? (await api('POST', `/clusters/${cluster.id}/agent-token`, { overlapSeconds: 0 })).agentToken;
  const manifest = await api('GET', `/clusters/${cluster.id}/agent-manifest?namespace=${namespace}`);
  // The fake nodes of the demo cluster run no containers, so the agent's pods are left out: it runs here instead.
  const items = manifest.items.filter(({ kind }) => kind !== 'Deployment' && kind !== 'PodDisruptionBudget');
  const own = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } };
  await kube(['apply', '-f', '-'], JSON.stringify({ ...manifest, items: [own, ...items] }));

  const folder = join(home, 'agent');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const keep = (name, text) => {
    writeFileSync(join(folder, name), text, { mode: 0o600 });
    return join(folder, name);
  };
  const account = JSON.parse(readFileSync(kubeconfig, 'utf8')).clusters[0].cluster;
  const server = new URL(account.server);
  const env = {
    ...process.env,
    NM_AGENT_URL: agentUrl,
    NM_AGENT_TOKEN_FILE: keep('agent-token', agentToken),
    NM_AGENT_SERVER: account.server,
    NM_AGENT_KUBE_TOKEN_FILE: keep(
      'token',
      await kube(['-n', namespace, 'create', 'token', 'nmachine-agent', '--duration=24h']),
    ),
    NM_AGENT_KUBE_CA_FILE: keep('ca.crt', Buffer.from(account['certificate-authority-data'], 'base64').toString()),
    KUBERNETES_SERVICE_HOST: server.hostname,
    KUBERNETES_SERVICE_PORT: server.port,
  };
  const agent = spawn(process.execPath, [join(root, 'dist/apps/agent/src/main.js')], { env, stdio: 'inherit' });
  const ended = new Promise((resolve) => agent.once('exit', resolve));
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => agent.kill(signal));
  void install(api, cluster.id).catch((error) => console.error(error.message));
  await ended;
});

async function install(api, clusterId) {
  const soon = () => new Promise((resume) => setTimeout(resume, 500));
  // A run on a cluster that has not dialled in yet would end with that as its reason.
  while ((await api('POST', `/clusters/${clusterId}/check`, { namespace })).health === 'unreachable') await soon();
  const here = async () =>
    (await api('GET', '/installs')).data.find((each) => each.clusterId === clusterId && each.state !== 'removed');
  const before = await here();
  if (before?.state === 'failed') {
    await api('DELETE', `/installs/${before.id}`);
    while (await here()) await soon();
  }
  const { id } = (await here()) ?? (await api('POST', '/installs', { clusterId, namespace }));
  for (;;) {
    const { state } = await api('GET', `/installs/${id}`);
    if (state !== 'provisioning')
      return console.log(
        `Install ${id} on cluster ${clusterId} is ${state}; everything on it goes through this agent.`,
      );
    await soon();
  }
}

function run(program, args, input) {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, NM_KUBELAB_HOME: join(home, 'kubelab') };
    const child = spawn(program, args, { env, stdio: ['pipe', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    child.once('error', reject);
    child.once('close', (code) =>
      code === 0 ? resolve(output.trim()) : reject(new Stop(`${program} ended with ${code}`)),
    );
    child.stdin.end(input ?? '');
  });
}
