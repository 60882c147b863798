import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeWith } from '../../../../testing/needs.js';
import { kinds, type RunningEngine, startEngine } from '../exchanges/engines.js';
import { readRequest } from '../reference/request.js';
import { readResponse } from '../reference/response.js';
import { nginxUpstream, nodeUpstream, pythonUpstream, type Seen, type Upstream } from './upstreams.js';
import { type Variant, variants } from './variants.js';

const canary = 'GET /canary HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';

/** The only honest reading: what the reference parser accepts, and whether it then stops at something that must be refused. */
function honest(send: string): Seen[] {
  const all: Seen[] = [];
  let rest: Buffer = Buffer.from(send, 'latin1');
  for (;;) {
    const read = readRequest(rest);
    if (read.verdict !== 'accept') return all;
    const { method, target, body, persistent } = read.message;
    all.push({ method, target: target.replace(/^http:\/\/[^/]*/, ''), body: body.toString('latin1') });
    if (!persistent) return all;
    rest = read.rest;
  }
}

/** Sends the variant with the canary behind it, and gives the answers, all of which must be readable. */
async function exchange(port: number, { send }: Variant): Promise<{ status: number; body: string }[]> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  const chunks: Buffer[] = [];
  socket.on('error', () => undefined);
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  const closed = new Promise<boolean>((resolve) => socket.once('close', () => resolve(true)));
  socket.write(send + canary, 'latin1');
  const quiet = setTimeout(() => socket.destroy(), 3_000);
  await closed;
  clearTimeout(quiet);
  const methods = honest(send + canary).map(({ method }) => method);
  const answers: { status: number; body: string }[] = [];
  let rest: Buffer = Buffer.concat(chunks);
  while (rest.length > 0) {
    const read = readResponse(rest, { method: methods[answers.length] ?? 'GET', ended: true });
    if (read.verdict !== 'accept') throw new Error(`an answer that is none: ${rest.toString('latin1')}`);
    rest = read.rest;
    if (read.message.status >= 200)
      answers.push({ status: read.message.status, body: read.message.body.toString('latin1') });
  }
  return answers;
}

/** node:http gives no trailers to look at: these go on without them, and the next request begins where it should. */
const droppedUnread = new Set(['chunks: Host in trailers', 'chunks: Connection in trailers']);

it('holds at least 120 variants, each under a name of its own', () => {
  expect(new Set(variants.map(({ name }) => name)).size).toBe(variants.length);
  expect(variants.length).toBeGreaterThanOrEqual(120);
});

describeWith(['nginx'], 'request smuggling', () => {
  describe.each(kinds)('through %s', (kind) => {
    describe.each([
      ['node', nodeUpstream],
      ['nginx', nginxUpstream],
      ['python', pythonUpstream],
    ] as const)('to %s', (_make, start) => {
      let upstream: Upstream;
      let engine: RunningEngine;
      beforeAll(async () => {
        upstream = await start();
        engine = await startEngine(kind, () => upstream.origin);
      });
      afterAll(async () => {
        await engine.close();
        await upstream.close();
      });

      const judged = variants.filter(({ name }) => kind !== 'node-http' || !droppedUnread.has(name));
      it.each(judged)('$name: refused, or one reading on both sides', async (variant) => {
        // What the variant before left behind, with its client gone, may still be on its way.
        await sleep(25);
        upstream.seen.length = 0;
        const answers = await exchange(engine.port, variant);
        const reading = honest(variant.send + canary);
        const refused = answers.findIndex(({ status }) => status >= 400);
        const accepted = refused < 0 ? answers : answers.slice(0, refused);
        // What was answered is an unbroken beginning of the honest reading, each as itself.
        for (const [index, { body }] of accepted.entries()) {
          const one = reading[index];
          expect(one, `answer ${index + 1} belongs to no request`).toBeDefined();
          if (one?.method !== 'HEAD') expect(JSON.parse(body)).toEqual(one);
        }
        // And the upstream saw nothing that is not in it.
        const key = (one: Seen): string => JSON.stringify([one.method, one.target, one.body]);
        const allowed = reading.map(key);
        for (const one of upstream.seen) expect(allowed).toContain(key(one));
        expect(upstream.seen.length).toBeLessThanOrEqual(reading.length);
        // After a refusal nothing more is answered.
        if (refused >= 0) expect(answers).toHaveLength(refused + 1);
      });
    });
  });
});
