import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { readRequest } from '../reference/request.js';
import { readResponse } from '../reference/response.js';
import { asExpected, ofResponse } from './canonical.js';
import { type Exchange, type Expected } from './exchange-row.js';
import { canaryTarget, type ScriptedUpstream, turns } from './scripted-upstream.js';

const patienceMs = 5_000;
const canary = `GET ${canaryTarget} HTTP/1.1\r\nHost: x\r\n\r\n`;
const canaryAnswer = '200 OK | 6:canary';

/** methodsOf tells which answers have no body: the methods of the requests in these bytes, as far as they can be read. */
function methodsOf(sent: string): string[] {
  const methods: string[] = [];
  let rest = Buffer.from(sent, 'latin1');
  for (;;) {
    const request = readRequest(rest);
    if (request.verdict !== 'accept') return methods;
    methods.push(request.message.method);
    rest = Buffer.from(request.rest);
  }
}

/** Conversation is the client's side: what was sent, what came, whether it is over. */
class Conversation {
  readonly socket: Socket;
  #received: Buffer = Buffer.alloc(0);
  #sent = '';
  closed = false;

  constructor(port: number) {
    this.socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.socket.on('error', () => undefined);
    this.socket.on('data', (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
    });
    this.socket.on('close', () => {
      this.closed = true;
    });
  }

  /** send writes the pieces one by one, so that the engine reads them one by one. */
  async send(pieces: readonly string[]): Promise<void> {
    for (const [index, piece] of pieces.entries()) {
      this.#sent += piece;
      if (this.socket.writable) this.socket.write(piece, 'latin1');
      if (index < pieces.length - 1) await turns();
    }
  }

  get text(): string {
    return this.#received.toString('latin1');
  }

  /** answers as the tables write them; what cannot be read is shown raw. */
  answers(): (string | number)[] {
    const methods = methodsOf(this.#sent);
    const answers: (string | number)[] = [];
    let rest = this.#received;
    while (rest.length > 0) {
      const response = readResponse(rest, { method: methods[0] ?? 'GET', ended: this.closed });
      if (response.verdict === 'incomplete')
        return this.closed ? [...answers, `cut ${rest.toString('latin1').split('\r\n')[0]}`] : answers;
      if (response.verdict === 'refuse')
        return [...answers, `malformed: ${response.reason}: ${rest.toString('latin1')}`];
      rest = response.rest;
      if (response.message.status >= 200) methods.shift();
      answers.push(ofResponse(response.message));
      if (response.message.status === 101)
        return rest.length > 0 ? [...answers, `tunnel:${rest.toString('latin1')}`] : answers;
    }
    return answers;
  }
}

/** Interim answers come before the last one: to count the others is enough to know that all is there. */
const isFinal = (line: string | number): boolean => typeof line === 'number' || !/^1\d\d /.test(line);

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 200; i++) {
    if (condition()) return;
    await turns(1);
  }
  const deadline = performance.now() + patienceMs;
  while (!condition() && performance.now() < deadline) await sleep(2);
}

export interface Peers {
  readonly port: number;
  readonly upstream: ScriptedUpstream;
}

/** cutsOf gives the ways to cut these bytes: not at all, at each boundary, everywhere. */
export function cutsOf(row: Exchange): number[][] {
  const sent = typeof row.send === 'string' ? row.send : row.send[0];
  const bytes = row.split === 'request' ? sent : (row.replies[0]?.bytes ?? '');
  const start = row.around === undefined ? 0 : bytes.indexOf(row.around);
  const end = row.around === undefined ? bytes.length : start + row.around.length;
  const boundaries: number[] = [];
  for (let at = Math.max(1, start); at < end; at++) boundaries.push(at);
  return [[], ...boundaries.map((at) => [at]), boundaries];
}

const cutAt = (text: string, cuts: readonly number[]): string[] => {
  const edges = [0, ...cuts, text.length];
  return edges.slice(1).map((edge, index) => text.slice(edges[index], edge));
};

/** Of a message that broke off: nothing, that it was bad, or an answer that is visibly not whole. */
const mayBeToldOfBreak = (line: string | number | undefined): boolean =>
  line === 400 || line === 502 || (typeof line === 'string' && line.startsWith('cut'));

/** runExchange carries one row through an engine, cut like this, and gives what both sides then know, to be compared with `expected`. */
export async function runExchange(
  row: Exchange,
  expected: Expected,
  peers: Peers,
  cuts: readonly number[],
): Promise<Expected> {
  const { upstream } = peers;
  upstream.begin(row.replies, row.split === 'reply' ? cuts : []);
  const client = new Conversation(peers.port);
  const [first, awaited, more] = typeof row.send === 'string' ? [row.send, '', ''] : row.send;
  await client.send(row.split === 'request' ? cutAt(first, cuts) : [first]);
  if (awaited) await until(() => client.closed || client.text.includes(awaited));
  if (more) await client.send([more]);
  if (row.fin) client.socket.end();
  const whole = (seen: readonly string[]): string[] =>
    row.broken ? seen.filter((line) => !line.startsWith('cut')) : [...seen];
  const answered = (gets: (string | number)[]): (string | number)[] =>
    row.broken && expected.gets.length === 0 && gets.length === 1 && mayBeToldOfBreak(gets[0]) ? [] : gets;
  const got = (): (string | number)[] => client.answers().map((one, index) => asExpected(one, expected.gets[index]));
  const same = (): boolean => got().filter(isFinal).length >= expected.gets.filter(isFinal).length;
  if (expected.ends !== 'waits') await until(() => client.closed || (same() && expected.ends === 'open'));
  await until(() => upstream.seen.length >= expected.sees.length);
  await turns();
  if (expected.ends === 'waits') await turns(50);
  if (client.closed || expected.ends !== 'open') {
    const ends = client.closed ? 'closed' : 'waits';
    client.socket.destroy();
    return { sees: whole(upstream.seen), gets: answered(got()), ends };
  }
  return withCanary(expected, client, got, upstream);
}

/** withCanary asks for something else on the same connection: nothing that came before may have been left in it. */
async function withCanary(
  expected: Expected,
  client: Conversation,
  got: () => (string | number)[],
  upstream: ScriptedUpstream,
): Promise<Expected> {
  await client.send([canary]);
  await until(() => client.closed || got().length > expected.gets.length);
  const gets = got();
  const alive = gets.at(-1) === canaryAnswer && upstream.seen.at(-1) === `GET ${canaryTarget} HTTP/1.1`;
  client.socket.destroy();
  if (!alive) return { sees: [...upstream.seen], gets, ends: 'closed' };
  return { sees: upstream.seen.slice(0, -1), gets: gets.slice(0, -1), ends: 'open' };
}
