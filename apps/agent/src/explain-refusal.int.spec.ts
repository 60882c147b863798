import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from '@nm/adapters/telemetry';
import { systemClock as clock } from '@nm/kernel/time';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CertificateNames, selfSigned } from '../../../libs/testing/certificates.js';
import { agentConfig } from './config.js';
import { explainRefusal } from './explain-refusal.js';
import { openTunnel } from './open-tunnel.js';

describe('why an agent has no tunnel, over real TLS', () => {
  let folder: string;
  const metrics = { bytes: () => undefined, stream: () => undefined, tried: () => undefined };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'nm-agent-tls-'));
    await Promise.all(['token', 'ca.crt'].map((name) => writeFile(join(folder, name), name)));
  });
  afterAll(() => rm(folder, { recursive: true }));

  /** What the agent says of a server with this certificate that answers with this status, and what it logs meanwhile. */
  async function reasonOf(names: CertificateNames, options: { trusted: boolean; status?: number; date?: Date }) {
    const { certificate, key } = await selfSigned('gateway', names);
    const server: Server = createServer({ cert: certificate, key });
    server.on('upgrade', (_, socket) => {
      const date = options.date ?? clock.now();
      socket.end(`HTTP/1.1 ${options.status} No\r\nDate: ${date.toUTCString()}\r\nContent-Length: 0\r\n\r\n`);
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const caFile = join(folder, 'gateway.crt');
    await writeFile(caFile, certificate);
    const config = agentConfig({
      NM_AGENT_URL: `wss://127.0.0.1:${(server.address() as AddressInfo).port}`,
      NM_AGENT_TOKEN: 'token',
      NM_AGENT_KUBE_TOKEN_FILE: join(folder, 'token'),
      NM_AGENT_KUBE_CA_FILE: join(folder, 'ca.crt'),
      ...(options.trusted ? { NM_AGENT_CA_FILE: caFile } : {}),
    });
    const warnings: object[] = [];
    const log = createLogger('agent', 'silent');
    log.warn = ((fields: object) => void warnings.push(fields)) as typeof log.warn;
    const error = await openTunnel(config, { clock, log, metrics }, new AbortController().signal).catch(
      (caught: unknown) => caught,
    );
    server.closeAllConnections();
    server.close();
    return { reason: explainRefusal(error, clock.now().toISOString()), warnings };
  }
  const here = { ip: ['127.0.0.1'] };

  it.each<[string, CertificateNames, boolean, RegExp]>([
    ['an authority that nobody has told it of', here, false, /not trusted here .*NM_AGENT_CA_FILE/],
    [
      'a certificate that has ended',
      { ...here, fromDays: -9, toDays: -2 },
      true,
      /not valid at 2\d{3}-.*clock.*EXPIRED/,
    ],
    ['a certificate of the future', { ...here, fromDays: 2, toDays: 9 }, true, /not valid at .*clock.*NOT_YET/],
    ['a certificate for another name', { dns: ['other.test'] }, true, /for another name/],
  ])('%s', async (_, names, trusted, reason) => {
    expect((await reasonOf(names, { trusted, status: 200 })).reason).toMatch(reason);
  });

  it.each([
    [401, /does not know this token.*agent-token/],
    [404, /not the agents’ port/],
    [503, /cannot take agents at the moment/],
  ])('an answer of %d', async (status, reason) => {
    expect((await reasonOf(here, { trusted: true, status })).reason).toMatch(reason);
  });

  it('a clock that is an hour wrong is told, whatever else is the matter', async () => {
    const date = new Date(clock.nowMs() + 3_600_000);
    const { warnings } = await reasonOf(here, { trusted: true, status: 401, date });
    expect(warnings).toHaveLength(1);
    expect((warnings[0] as { seconds: number }).seconds).toBeGreaterThan(-3_620);
    expect((warnings[0] as { seconds: number }).seconds).toBeLessThan(-3_580);
    expect((await reasonOf(here, { trusted: true, status: 401 })).warnings).toEqual([]);
  });
});
