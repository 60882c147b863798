import { once } from 'node:events';
import { Agent, get as httpGet, type IncomingMessage } from 'node:http';
import { Vault } from '@nm/adapters/vault';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../../../libs/testing/free-port.js';
import { processAlive } from '../../../libs/testing/process-alive.js';
import { createTestDatabase, type TestDatabase } from '../../../libs/testing/test-database.js';
import { bearer, masterKey, startUpstream, type Upstream } from './fixture.js';
import { type GatewayProcess, type ServingProcess, startGatewayProcess } from './gateway-process.js';
import { issue, makeTenant, setInstance } from './tenant.js';

const patient = { timeout: 180_000 };
const connections = 24;

/** One connection that asks again and again, and knows whether it was ever let down. */
class Caller {
  readonly agent = new Agent({ keepAlive: true, maxSockets: 1 });
  answered = 0;
  failure: unknown;
  readonly over: Promise<void>;
  #stop = false;

  constructor(url: string, key: string) {
    this.over = this.#run(url, key);
  }

  async #run(url: string, key: string): Promise<void> {
    try {
      while (!this.#stop) {
        const [response] = (await once(httpGet(url, { agent: this.agent, headers: bearer(key) }), 'response')) as [
          IncomingMessage,
        ];
        response.resume();
        await once(response, 'end');
        if (response.statusCode !== 200) throw new Error(`answered ${response.statusCode}`);
        this.answered++;
      }
    } catch (error) {
      this.failure = error;
    }
  }

  stop(): Promise<void> {
    this.#stop = true;
    return this.over;
  }
}

describe('two gateway processes on one port', () => {
  let database: TestDatabase;
  let upstream: Upstream;
  let gateway: GatewayProcess;
  let url: string;
  let key: string;
  const callers: Caller[] = [];
  let finish: (() => void)[] = [];

  beforeAll(async () => {
    database = await createTestDatabase();
    upstream = await startUpstream((request, response) => {
      if (request.url === '/slow') finish.push(() => response.end('finished'));
      else response.end('ok');
    });
    const tenant = await makeTenant(database.db, 'acme');
    await setInstance(database.db, tenant, { address: upstream.address });
    ({ key } = await issue(database.db, new Vault(masterKey), tenant));
    const port = await freePort();
    url = `http://127.0.0.1:${port}/kama/acme/guestbook`;
    gateway = startGatewayProcess(database.url, {
      NM_GATEWAY_PORT: String(port),
      NM_GATEWAY_PROCESSES: '2',
      // A port that only one of them can have.
      NM_AGENT_PORT: String(await freePort()),
    });
    await gateway.servingAtLeast(2);
  }, 300_000);
  afterEach(async () => {
    await Promise.all(callers.splice(0).map((caller) => caller.stop()));
  });
  afterAll(async () => {
    await gateway.stop('SIGTERM');
    await upstream.close();
    await database.close();
  });

  const connectionsAt = async ({ opsPort }: ServingProcess): Promise<number> => {
    const text = await fetch(`http://127.0.0.1:${opsPort}/metrics`).then((answer) => answer.text());
    return Number(/nm_gateway_connections\{side="client"[^}]*\} (\d+)/.exec(text)?.[1]);
  };

  it(
    'loses the connections of the one that is killed and no request of the other, and starts a new one',
    patient,
    async () => {
      for (let i = 0; i < connections; i++) callers.push(new Caller(`${url}/x`, key));
      await expect.poll(() => callers.every(({ answered }) => answered > 3), patient).toBe(true);
      const [killed, kept] = [...gateway.serving] as [ServingProcess, ServingProcess];
      const [lost, stay] = [await connectionsAt(killed), await connectionsAt(kept)];
      expect(lost + stay).toBe(connections);
      process.kill(killed.pid, 'SIGKILL');
      await expect.poll(() => callers.filter(({ failure }) => failure !== undefined).length, patient).toBe(lost);
      const unharmed = callers.filter(({ failure }) => failure === undefined);
      const before = unharmed.map(({ answered }) => answered);
      const [, , fresh] = await gateway.servingAtLeast(3);
      // Everybody who stayed goes on, past the start of the new one; and nobody else was ever let down.
      await expect.poll(() => unharmed.every(({ answered }, i) => answered > before[i]! + 3), patient).toBe(true);
      expect(callers.filter(({ failure }) => failure !== undefined)).toHaveLength(lost);
      expect(fresh!.pid).not.toBe(killed.pid);
      expect(processAlive(kept.pid)).toBe(true);
      // New connections reach the new one too.
      await expect
        .poll(async () => {
          callers.push(new Caller(`${url}/x`, key));
          return connectionsAt(fresh!);
        }, patient)
        .toBeGreaterThan(0);
    },
  );

  it('drains them all on SIGTERM: what is under way is finished, and each ends by itself', patient, async () => {
    finish = [];
    const slow = Array.from({ length: 8 }, () =>
      once(httpGet(`${url}/slow`, { agent: false, headers: bearer(key) }), 'response'),
    );
    await expect.poll(() => finish.length, patient).toBe(slow.length);
    const alive = gateway.serving.filter(({ pid }) => processAlive(pid));
    expect(alive).toHaveLength(2);
    const ended = gateway.stop('SIGTERM');
    await expect
      .poll(
        () =>
          fetch(`${url}/x`, { headers: bearer(key) }).then(
            () => 'served',
            () => 'refused',
          ),
        patient,
      )
      .toBe('refused');
    for (const end of finish) end();
    for (const [response] of (await Promise.all(slow)) as [IncomingMessage][]) {
      expect(response.statusCode).toBe(200);
      response.resume();
    }
    expect(await ended).toBe(0);
    for (const { pid } of alive) expect(processAlive(pid)).toBe(false);
  });
});
