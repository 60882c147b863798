import { createServer as createPlain } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { interceptors } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CertifiedKey, selfSigned } from '../../testing/certificates.js';
import { createEgressAgent, EgressPolicy } from './index.js';

const loopback = ['127.0.0.0/8', '::1'];

describe('createEgressAgent', () => {
  let server: Server;
  let port: number;
  let certified: CertifiedKey;
  let handshakes = 0;
  const names: unknown[] = [];

  beforeAll(async () => {
    certified = await selfSigned('server', { dns: ['cluster.example.com'] });
    server = createServer({ cert: certified.certificate, key: certified.key }, (request, response) => {
      if (request.url === '/redirect') response.writeHead(302, { location: 'http://169.254.169.254/' }).end();
      else response.end('hello');
    });
    server.on('secureConnection', (socket) => {
      handshakes++;
      names.push(socket.servername);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    port = (server.address() as AddressInfo).port;
  });
  afterAll(() => new Promise((resolve) => server.close(resolve)));

  it('dials the address that was checked, and checks the certificate against the name', async () => {
    const policy = new EgressPolicy({ allow: loopback, resolve: async () => [{ address: '127.0.0.1' }] });
    const agent = createEgressAgent(policy, { tls: { ca: certified.certificate } });
    const good = await agent.request({ origin: `https://cluster.example.com:${port}`, path: '/', method: 'GET' });
    expect(await good.body.text()).toBe('hello');
    expect(names.at(-1)).toBe('cluster.example.com');
    const other = agent.request({ origin: `https://other.example.com:${port}`, path: '/', method: 'GET' });
    await expect(other).rejects.toMatchObject({ code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
    await agent.close();
  });

  it('uses the given server name in place of the host', async () => {
    const agent = createEgressAgent(new EgressPolicy({ allow: loopback }), {
      tls: { ca: certified.certificate, servername: 'cluster.example.com' },
    });
    const { statusCode, body } = await agent.request({ origin: `https://127.0.0.1:${port}`, path: '/', method: 'GET' });
    await body.dump();
    expect(statusCode).toBe(200);
    await agent.close();
  });

  it('is not fooled by a name that changes its address after the check', async () => {
    const answers = [
      [{ address: '127.0.0.1' }],
      [{ address: '169.254.169.254' }],
      [{ address: '127.0.0.1' }, { address: '10.0.0.1' }],
    ];
    let asked = 0;
    const policy = new EgressPolicy({ allow: loopback, resolve: async () => answers[asked++] ?? [] });
    const agent = createEgressAgent(policy, { tls: { ca: certified.certificate } });
    const get = () =>
      agent.request({ origin: `https://cluster.example.com:${port}`, path: '/', method: 'GET', reset: true });
    await (await get()).body.dump();
    expect(asked).toBe(1);
    await expect(get()).rejects.toMatchObject({ code: 'egress_denied' });
    await expect(get()).rejects.toMatchObject({ code: 'egress_denied' });
    expect(asked).toBe(3);
    await agent.close();
  });

  it.each(['127.0.0.1', '2130706433', '0x7f.1', '[::ffff:127.0.0.1]', '[::1]', 'localhost'])(
    'reaches nothing at %s by default',
    async (host) => {
      let reached = 0;
      const plain = createPlain((_, response) => {
        reached++;
        response.end();
      });
      await new Promise<void>((resolve) => plain.listen(0, '127.0.0.1', resolve));
      const agent = createEgressAgent(new EgressPolicy());
      const origin = `http://${host}:${(plain.address() as AddressInfo).port}`;
      await expect(agent.request({ origin, path: '/', method: 'GET' })).rejects.toMatchObject({
        code: 'egress_denied',
      });
      expect(reached).toBe(0);
      await agent.close();
      await new Promise((resolve) => plain.close(resolve));
    },
  );

  it('tries the next address when one refuses', async () => {
    const policy = new EgressPolicy({
      allow: loopback,
      resolve: async () => [{ address: '127.0.0.9' }, { address: '127.0.0.1' }],
    });
    const agent = createEgressAgent(policy, { tls: { ca: certified.certificate } });
    const { body } = await agent.request({ origin: `https://cluster.example.com:${port}`, path: '/', method: 'GET' });
    expect(await body.text()).toBe('hello');
    await agent.close();
  });

  it('follows no redirect', async () => {
    const agent = createEgressAgent(new EgressPolicy({ allow: loopback }), { tls: { rejectUnauthorized: false } });
    const { statusCode, body } = await agent.request({
      origin: `https://127.0.0.1:${port}`,
      path: '/redirect',
      method: 'GET',
    });
    await body.dump();
    expect(statusCode).toBe(302);
    await agent.close();
  });

  it.each([
    ['a metadata service', 'http://169.254.169.254/latest/meta-data'],
    ['a private address', 'https://10.0.0.1/'],
    ['loopback, oddly written', 'http://0x7f.1/'],
    ['a mapped address', 'http://[::ffff:169.254.169.254]/'],
    ['a name that leads inside', 'https://inside.example.com/'],
  ])('checks each hop anew for who does follow redirects: %s', async (_, location) => {
    const asked: string[] = [];
    const agent = createEgressAgent(
      new EgressPolicy({
        allow: ['127.0.0.2'],
        resolve: async (name) => {
          asked.push(name);
          return [{ address: '10.9.9.9' }];
        },
      }),
      { tls: { rejectUnauthorized: false } },
    );
    const front = createPlain((_request, response) => response.writeHead(302, { location }).end());
    await new Promise<void>((resolve) => front.listen(0, '127.0.0.2', resolve));
    const following = agent.compose(interceptors.redirect({ maxRedirections: 3 }));
    const origin = `http://127.0.0.2:${(front.address() as AddressInfo).port}`;
    await expect(following.request({ origin, path: '/', method: 'GET' })).rejects.toMatchObject({
      code: 'egress_denied',
    });
    expect(asked).toEqual(location.includes('inside') ? ['inside.example.com'] : []);
    await agent.close();
    await new Promise((resolve) => front.close(resolve));
  });

  it('keeps one TLS connection for requests that follow one another', async () => {
    const agent = createEgressAgent(new EgressPolicy({ allow: loopback }), { tls: { rejectUnauthorized: false } });
    const before = handshakes;
    for (let i = 0; i < 20; i++) {
      const { body } = await agent.request({ origin: `https://127.0.0.1:${port}`, path: '/', method: 'GET' });
      await body.text();
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(handshakes - before).toBe(1);
    await agent.close();
  });
});
