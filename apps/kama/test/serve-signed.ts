import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createLogger } from '@nm/adapters/telemetry';
import { TemplateWorkers } from '@nm/adapters/templating';
import type { Bundle } from '@nm/kama-sdk';
import { contextIssuer } from '@nm/kernel/contracts';
import { systemClock } from '@nm/kernel/time';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { CallerReader } from '../src/installs/caller.js';
import { MemoryCluster } from '../src/own/memory-cluster.js';
import { createKama } from '../src/server/create-kama.js';
import { memoryInstall, refusesWord } from './memory-install.js';

const app = { id: 'app_everything', org: 'acme', name: 'everything', version: '1.0.0' };
const namespace = 'shop';

export interface SignedKama {
  readonly url: string;
  readonly cluster: MemoryCluster;
  /** Headers of a request as the gateway sends it. */
  headers(mode?: 'full' | 'read-only'): Record<string, string>;
  /** Every route that the server answers, as it knows it. */
  readonly routes: readonly string[];
  /** serve changes what is served, from the next request on. */
  serve(bundle: Bundle): void;
  close(): Promise<void>;
}

/** serveSigned serves a bundle for one install in memory, to whoever brings a context that a gateway of ours could have signed. */
export async function serveSigned(bundle: Bundle, cluster = new MemoryCluster([], refusesWord)): Promise<SignedKama> {
  const { publicKey, privateKey } = await generateKeyPair('EdDSA');
  const keys = { keys: [{ ...(await exportJWK(publicKey)), kid: 'one', alg: 'EdDSA' }] };
  const jwks = createServer((_request, reply) => reply.end(JSON.stringify(keys)));
  const callers = new CallerReader(`${await listening(jwks)}/jwks.json`, app.id);
  const open = memoryInstall(cluster, namespace);
  const templates = new TemplateWorkers();
  let served = bundle;
  const server = await createKama({
    ...{ templates, clock: systemClock, log: createLogger('kama', 'silent') },
    address: async (headers, signal) => {
      const { claims } = await callers.read(headers);
      return { app, bundle: served, install: open(claims.mode === 'full', signal) };
    },
  });
  await server.listen(0, '127.0.0.1');
  const sign = (mode: 'full' | 'read-only') =>
    new SignJWT({
      ...{ org: app.org, orgId: 'org_1', app: app.name, appId: app.id, version: app.version, versionId: 'ver_1' },
      ...{ mode, entitlements: {}, install: { id: 'ins_memory', cluster: 'clu_1', namespace }, jti: 'one' },
    })
      .setProtectedHeader({ alg: 'EdDSA', kid: 'one' })
      .setIssuer(contextIssuer)
      .setAudience(app.id)
      .setSubject('lic_1')
      .setIssuedAt()
      .setExpirationTime('1h')
      .sign(privateKey);
  const tokens = { full: await sign('full'), 'read-only': await sign('read-only') };
  return {
    url: await server.getUrl(),
    cluster,
    routes: routesOf(server.getHttpAdapter().getInstance().printRoutes({ commonPrefix: false, includeHooks: false })),
    headers: (mode = 'full') => ({ 'nm-context': tokens[mode] }),
    serve: (other) => {
      served = other;
    },
    close: async () => {
      await server.close();
      await templates.close();
      await new Promise((done) => jwks.close(done));
    },
  };
}

async function listening(server: Server): Promise<string> {
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** What the router prints, as lines of method and path. */
function routesOf(tree: string): string[] {
  const found: string[] = [];
  const above: string[] = [];
  for (const line of tree.split('\n')) {
    const [, indent = '', piece = '', methods] = /^([│ ]*)[└├]── (\S*?)(?: \(([A-Z, ]+)\))?$/u.exec(line) ?? [];
    if (piece === '') continue;
    above.length = indent.length / 4;
    above.push(piece);
    for (const method of (methods ?? '').split(', '))
      if (method !== '' && method !== 'HEAD') found.push(`${method} ${above.join('')}`);
  }
  return found;
}
