import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from '@nm/adapters/telemetry';
import { FakeClock } from '@nm/kernel/time';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { agentConfig } from './config.js';
import { type RunningAgent, runAgent } from './run-agent.js';

describe('how an agent comes back', () => {
  const clock = new FakeClock();
  const webSockets = new WebSocketServer({ noServer: true });
  const waits: { attempt: number; waitMs: number }[] = [];
  const tunnels: WebSocket[] = [];
  let takesAgents: boolean;
  let folder: string;
  let server: Server;
  let agent: RunningAgent;

  beforeEach(async () => {
    takesAgents = false;
    waits.length = tunnels.length = 0;
    folder = await mkdtemp(join(tmpdir(), 'nm-agent-back-'));
    await Promise.all(['token', 'ca.crt'].map((name) => writeFile(join(folder, name), name)));
    server = createServer();
    server.on('upgrade', (request, socket, head) => {
      if (!takesAgents) return void socket.end('HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n');
      webSockets.handleUpgrade(request, socket, head, (tunnel) => void tunnels.push(tunnel));
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const config = agentConfig({
      NM_AGENT_URL: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
      NM_AGENT_TOKEN: 'token',
      NM_AGENT_KUBE_TOKEN_FILE: join(folder, 'token'),
      NM_AGENT_KUBE_CA_FILE: join(folder, 'ca.crt'),
    });
    const log = createLogger('agent', 'silent');
    log.warn = ((fields: { attempt?: number; waitMs?: number }) => {
      if (fields.attempt !== undefined) waits.push({ attempt: fields.attempt, waitMs: fields.waitMs ?? 0 });
    }) as typeof log.warn;
    const metrics = { bytes: () => undefined, stream: () => undefined, tried: () => undefined };
    agent = runAgent(config, { clock, log, metrics });
  });
  afterEach(async () => {
    const closed = agent.close();
    for (const tunnel of tunnels) tunnel.terminate();
    await closed;
    server.close();
    await rm(folder, { recursive: true });
  });

  /** Fails so many times more; time passes only as the agent waits. */
  async function fail(times: number): Promise<void> {
    for (const until = waits.length + times; waits.length < until; ) {
      const known = waits.length;
      await clock.advance(waits.at(-1)?.waitMs ?? 0);
      await expect.poll(() => waits.length).toBeGreaterThan(known);
    }
  }
  async function stand(): Promise<void> {
    takesAgents = true;
    const known = tunnels.length;
    await clock.advance(waits.at(-1)?.waitMs ?? 0);
    await expect.poll(() => tunnels.length).toBe(known + 1);
    await expect.poll(() => agent.trouble).toBeUndefined();
  }
  async function breakAfter(ms: number): Promise<void> {
    const known = waits.length;
    await clock.advance(ms);
    tunnels.at(-1)?.terminate();
    await expect.poll(() => waits.length).toBe(known + 1);
  }

  it('waits twice as long after each failure, by half of it at random, and half a minute at most', async () => {
    await fail(10);
    for (const [index, { attempt, waitMs }] of waits.entries()) {
      const ceilingMs = Math.min(30_000, 500 * 2 ** index);
      expect(attempt).toBe(index + 1);
      expect(waitMs).toBeGreaterThanOrEqual(ceilingMs / 2);
      expect(waitMs).toBeLessThanOrEqual(ceilingMs);
    }
    expect(new Set(waits.slice(-4).map(({ waitMs }) => waitMs)).size).toBeGreaterThan(1);
  });

  it('begins anew after a tunnel that stood, and not after one that broke at once', async () => {
    await fail(4);
    await stand();
    await breakAfter(1_000);
    expect(waits.at(-1)?.attempt, 'it stood for a second').toBe(5);
    await stand();
    await breakAfter(31_000);
    expect(waits.at(-1)?.attempt, 'it stood for long').toBe(1);
  });

  it('says what is wrong as long as it is, and nothing afterwards', async () => {
    await fail(1);
    expect(agent.trouble).toContain('cannot take agents at the moment (503)');
    await stand();
    expect(agent.trouble).toBeUndefined();
  });
});
