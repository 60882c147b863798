import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { engineKinds } from '@nm/adapters/proxy';
import { Vault } from '@nm/adapters/vault';
import { systemClock } from '@nm/kernel/time';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../libs/testing/test-database.js';
import { bearer, masterKey } from './fixture.js';
import { type GatewayProcess, rssOf, startGatewayProcess } from './gateway-process.js';
import { issue, makeTenant, setInstance } from './tenant.js';

const mib = 1024 * 1024;
/** `npm run soak:bodies` makes it 1024. */
const bodyBytes = Number(process.env['NM_BODY_MIB'] ?? 128) * mib;
/** Less than a body; more than the garbage of one, of which Node collects 64 MiB at a time. */
const grownBytesMax = 112 * mib;
/** What stands in the system's buffers and the engine's, on both connections, when nobody reads. */
const aheadBytesMax = 48 * mib;
/** A slow one reads nothing for so long, after the other side has come to a halt. */
const stillMs = 700;

/** Content in which each place differs from its neighbours': its length is a prime. */
const pattern = Buffer.from(Array.from({ length: 65_537 }, (_, i) => (i * 31 + (i >> 8)) & 255));
const blocks = Buffer.concat(Array.from({ length: 9 }, () => pattern));

/** expected is the content from one place on, up to eight patterns long. */
const expected = (at: number, count: number): Buffer => {
  const from = at % pattern.length;
  return blocks.subarray(from, from + count);
};

/** drained resolves when there is room again, or nobody to write to. */
const drained = (to: Writable): Promise<void> =>
  new Promise((resolve) => {
    const done = (): void => {
      to.off('drain', done).off('close', done);
      resolve();
    };
    to.on('drain', done).on('close', done);
  });

/** sendPattern writes so much as fast as it is taken. @param sent is told how much was handed over */
async function sendPattern(to: Writable, bytes: number, sent: (bytes: number) => void): Promise<void> {
  const block = pattern.length * 4;
  for (let at = 0; at < bytes && !to.destroyed; ) {
    const part = expected(at, Math.min(block, bytes - at));
    at += part.length;
    const goesOn = to.write(part);
    sent(at);
    if (!goesOn) await drained(to);
  }
  to.end();
}

/** checkPattern reads to the end. @returns bytes read; throws when one of them is not what was sent */
async function checkPattern(from: Readable): Promise<number> {
  let at = 0;
  for await (const chunk of from as AsyncIterable<Buffer>) {
    for (let done = 0; done < chunk.length; ) {
      const part = chunk.subarray(done, done + pattern.length);
      if (part.compare(expected(at, part.length)) !== 0) throw new Error(`other bytes at ${at}`);
      done += part.length;
      at += part.length;
    }
  }
  return at;
}

/** halt waits until a number moves no more. @returns it */
async function halt(value: () => number): Promise<number> {
  for (let before = -1; value() === 0 || value() !== before; ) {
    before = value();
    await systemClock.sleep(stillMs);
  }
  return value();
}

describe.each(engineKinds)('large bodies through the gateway on %s', (engine) => {
  let database: TestDatabase;
  let gateway: GatewayProcess;
  let upstream: Server;
  let key: string;
  let port: number;
  let pid: number;
  /** How far the upstream is with its answer, and with what it is sent. */
  let answered = 0;
  let gate: PromiseWithResolvers<void>;
  const failures: unknown[] = [];

  async function answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    if (incoming.method === 'GET') {
      const length = { 'content-length': bodyBytes };
      response.writeHead(200, incoming.url === '/chunked' ? {} : length);
      return sendPattern(response, bodyBytes, (bytes) => {
        answered = bytes;
      });
    }
    if (incoming.url === '/slow') await gate.promise;
    response.end(String(await checkPattern(incoming)));
  }

  beforeAll(async () => {
    database = await createTestDatabase();
    upstream = createServer((incoming, response) => {
      answer(incoming, response).catch((error: unknown) => failures.push(error));
    });
    await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
    const tenant = await makeTenant(database.db, 'acme');
    const address = `127.0.0.1:${(upstream.address() as AddressInfo).port}`;
    await setInstance(database.db, tenant, { address });
    ({ key } = await issue(database.db, new Vault(masterKey), tenant));
    gateway = startGatewayProcess(database.url, { NM_GATEWAY_ENGINE: engine });
    const [first] = await gateway.servingAtLeast(1);
    ({ port, pid } = first!);
  }, 300_000);
  afterAll(async () => {
    await gateway.stop();
    upstream.closeAllConnections();
    upstream.close();
    await database.close();
  });

  const options = (path: string, method: string, headers = {}) => ({
    host: '127.0.0.1',
    port,
    path: `/kama/acme/guestbook${path}`,
    method,
    headers: { ...bearer(key), ...headers },
    agent: false as const,
  });
  async function download(path: string): Promise<IncomingMessage> {
    answered = 0;
    const asked = request(options(path, 'GET'));
    asked.end();
    const [response] = (await once(asked, 'response')) as [IncomingMessage];
    return response;
  }
  /** growth runs `work` and tells by how much the gateway's memory was larger meanwhile than before. */
  async function growth(work: () => Promise<void>): Promise<number> {
    const before = rssOf(pid);
    let most = before;
    const timer = setInterval(() => {
      most = Math.max(most, rssOf(pid));
    }, 20);
    try {
      await work();
    } finally {
      clearInterval(timer);
    }
    console.info(`${engine}: memory grew by ${Math.round((most - before) / mib)} MiB for ${bodyBytes / mib} MiB`);
    return most - before;
  }
  const upload = async (path: string, headers: object, sent: (bytes: number) => void) => {
    const asked = request(options(path, 'POST', headers));
    const answerOf = once(asked, 'response') as Promise<[IncomingMessage]>;
    await sendPattern(asked, bodyBytes, sent);
    const [response] = await answerOf;
    let text = '';
    for await (const chunk of response) text += String(chunk);
    return Number(text);
  };
  const ignore = (): void => undefined;
  const patient = { timeout: 60_000 + (bodyBytes / mib) * 400 };

  it('passes a large answer on in constant memory, byte for byte, with and without a length', patient, async () => {
    const grown = await growth(async () => {
      expect(await checkPattern(await download('/length'))).toBe(bodyBytes);
      expect(await checkPattern(await download('/chunked'))).toBe(bodyBytes);
    });
    expect(grown).toBeLessThan(grownBytesMax);
  });

  it('passes a large request on in constant memory, byte for byte, with and without a length', patient, async () => {
    const grown = await growth(async () => {
      expect(await upload('/', { 'content-length': bodyBytes }, ignore)).toBe(bodyBytes);
      expect(await upload('/', { 'transfer-encoding': 'chunked' }, ignore)).toBe(bodyBytes);
    });
    expect(failures).toEqual([]);
    expect(grown).toBeLessThan(grownBytesMax);
  });

  it('stops an app whose answer nobody reads, and goes on when somebody does', patient, async () => {
    const grown = await growth(async () => {
      const response = await download('/length');
      expect(await halt(() => answered)).toBeLessThan(aheadBytesMax);
      expect(await checkPattern(response)).toBe(bodyBytes);
    });
    expect(grown).toBeLessThan(grownBytesMax);
  });

  it('stops a client whose request the app does not read, and goes on when it does', patient, async () => {
    gate = Promise.withResolvers<void>();
    const grown = await growth(async () => {
      let sent = 0;
      const told = upload('/slow', { 'content-length': bodyBytes }, (bytes) => {
        sent = bytes;
      });
      expect(await halt(() => sent)).toBeLessThan(aheadBytesMax);
      gate.resolve();
      expect(await told).toBe(bodyBytes);
    });
    expect(grown).toBeLessThan(grownBytesMax);
  });
});
