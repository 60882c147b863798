import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Agent } from 'undici';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sendWhole } from './whole-answer.js';

describe('sendWhole', () => {
  let server: Server;
  let agent: Agent;
  let seen: string[];
  beforeEach(async () => {
    seen = [];
    server = createServer((request, response) => {
      seen.push(request.method ?? '');
      response.end('"ok"');
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    agent = new Agent();
  });
  afterEach(async () => {
    await agent.destroy();
    server.close();
  });

  it('asks right before it sends, on a new connection and on one that is there, and sends nothing when it may not', async () => {
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const send = (method: 'POST' | 'PUT', beforeSend: () => void) =>
      sendWhole(agent, { origin, path: '/', method }, { timeoutMs: 60_000, bytesMax: 100, beforeSend });
    const guard = () => {
      throw new Error('somebody else has the run');
    };
    await expect(send('POST', guard)).rejects.toThrow('somebody else has the run');
    expect((await send('PUT', () => undefined)).text).toBe('"ok"');
    await expect(send('POST', guard)).rejects.toThrow('somebody else has the run');
    expect((await send('PUT', () => undefined)).status).toBe(200);
    expect(seen).toEqual(['PUT', 'PUT']);
  });
});
