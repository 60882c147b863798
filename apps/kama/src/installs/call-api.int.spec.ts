import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { apiCalls } from './call-api.js';

let server: Server;
let answer: { status: number; body: string };
let call: ReturnType<typeof apiCalls>;

beforeAll(async () => {
  server = createServer((_request, reply) => reply.writeHead(answer.status).end(answer.body));
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  call = apiCalls(`http://127.0.0.1:${port}`, 'token', new AbortController().signal);
});
afterAll(() => new Promise((done) => server.close(done)));

const says = (status: number, body: object | string) => {
  answer = { status, body: typeof body === 'string' ? body : JSON.stringify(body) };
  return call('POST', '/v1/runs', {});
};

it('takes no refusal for a success: what the caller can mend keeps its code', async () => {
  await expect(says(400, { code: 'invalid_body', detail: 'No plan.' })).rejects.toMatchObject({
    code: 'invalid_body',
    publicMessage: 'No plan.',
  });
  await expect(says(404, { code: 'not_found' })).rejects.toMatchObject({ code: 'not_found' });
});

it('says that NMachine did not answer when it answers nonsense or breaks', async () => {
  await expect(says(500, { code: 'internal' })).rejects.toMatchObject({ code: 'upstream_unreachable' });
  await expect(says(400, '<html>')).rejects.toMatchObject({ code: 'upstream_unreachable' });
  await expect(says(418, { code: 'teapot' })).rejects.toMatchObject({ code: 'upstream_unreachable' });
});
