import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { EgressPolicy } from '@nm/adapters/egress';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { httpReader } from './read-http.js';

let server: Server;
let url: string;
const local = httpReader(new EgressPolicy({ allow: ['127.0.0.0/8'] }));
const open = httpReader();

beforeAll(async () => {
  server = createServer((request, reply) => {
    if (request.url === '/moved') reply.writeHead(302, { location: '/small' }).end();
    else reply.end(request.url === '/large' ? 'x'.repeat(600 * 1024) : '{"a":1}');
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  await Promise.all([local.close(), open.close()]);
  await new Promise((done) => server.close(done));
});

const never = new AbortController().signal;

it('reads what is small, follows nowhere, and gives up what is large or does not answer', async () => {
  expect(await local.read(`${url}/small`, never)).toEqual({ status: 200, body: '{"a":1}' });
  expect(await local.read(`${url}/moved`, never)).toMatchObject({ status: 302 });
  expect(await local.read(`${url}/large`, never)).toBeUndefined();
  expect(await local.read('http://127.0.0.1:1/', never)).toBeUndefined();
});

it('never reaches inside', async () => {
  await expect(open.read(`${url}/small`, never)).rejects.toMatchObject({ code: 'egress_denied' });
  for (const address of ['http://169.254.169.254/latest', 'http://[::1]/', 'file:///etc/passwd', 'nonsense']) {
    const said = await open.read(address, never).catch(() => undefined);
    expect(said, address).toBeUndefined();
  }
});
