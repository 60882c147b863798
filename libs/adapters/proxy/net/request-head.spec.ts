import { describe, expect, it, vi } from 'vitest';
import type { FieldSink, Plan, Policy, Visit } from '../exchange.js';
import { TrustedPeers } from '../trusted-peers.js';
import { HeadStock, type NetContext } from './context.js';
import { KnownHeads } from './known-heads.js';
import type { MessageHead } from './message-head.js';
import { OutBuffer } from './out-buffer.js';
import { parseRequestHead } from './parse-head.js';
import { NetRequestHead } from './request-head.js';

const filter = { names: ['host', 'authorization'], prefixes: [] };
const none = { names: [], prefixes: [] };
const visit = { plan: vi.fn(), refuse: vi.fn(), finished: vi.fn() } as unknown as Visit<string>;

/** What a request head asks of its engine. */
function world(trusted: readonly string[] = []) {
  const opened: unknown[] = [];
  const policy = {
    open: (head: unknown) => {
      opened.push(head);
      return visit;
    },
  } as unknown as Policy<string>;
  const context = {
    policy,
    pseudonym: 'nmachine',
    trusted: new TrustedPeers(trusted),
    out: new OutBuffer(),
    heads: new HeadStock(),
    known: new KnownHeads<string>(),
  } as unknown as NetContext<string>;
  return { context, opened };
}

const peer = { peer: { address: '192.0.2.1', scheme: 'http' as const } };
const planOf = (more: Partial<Plan<string>> = {}): Plan<string> => ({
  target: { origin: 'http://app:80', path: '/inside' },
  requestFilter: filter,
  addToRequest: (out: FieldSink) => out.text('X-Own: 1\r\n'),
  answerFilter: none,
  addToAnswer: () => undefined,
  tag: '',
  ...more,
});

function parsed(context: NetContext<string>, text: string): MessageHead {
  const bytes = Buffer.from(text, 'latin1');
  const head = context.heads.take();
  expect(parseRequestHead(bytes, 0, bytes.length, head)).toBe(bytes.length);
  return head;
}

const requestOf = (text: string, { context } = world()) =>
  new NetRequestHead(context, peer, { head: parsed(context, text) });

function written({ out }: NetContext<string>): string {
  const text = out.bytes.toString('latin1', out.begun, out.length);
  out.drop();
  return text;
}

const get = (more = '', line = 'GET /a?b HTTP/1.1') => `${line}\r\nHost: h\r\n${more}\r\n`;

describe('what a head says', () => {
  it.each([
    ['GET', 'GET'],
    ['GOT', 'GOT'],
    ['GEM', 'GEM'],
    ['PET', 'PET'],
    ['GETS', 'GETS'],
    ['POST', 'POST'],
    ['OPTIONS', 'OPTIONS'],
    ['PROPFIND', 'PROPFIND'],
    ['get', 'get'],
  ])('%s is its method', (method, expected) => {
    expect(requestOf(get('', `${method} / HTTP/1.1`)).method).toBe(expected);
  });

  it('has the target as it came, of the absolute form the part after the authority', () => {
    expect(requestOf(get()).target).toBe('/a?b');
    expect(requestOf(get('', 'GET http://h/c%2F HTTP/1.1')).target).toBe('/c%2F');
    expect(requestOf(get('', 'GET http://h HTTP/1.1')).target).toBe('/');
  });

  it.each([
    [get(), false, 1],
    [get('Connection: close\r\n'), true, 1],
    [get('', 'GET / HTTP/1.0'), true, 0],
    [get('Connection: keep-alive\r\n', 'GET / HTTP/1.0'), false, 0],
    [get('Connection: keep-alive, close\r\n', 'GET / HTTP/1.0'), true, 0],
  ])('%j: ends its connection: %s', (text, wantsClose, httpMinor) => {
    expect(requestOf(text)).toMatchObject({ wantsClose, httpMinor });
  });

  it('announces its content, and whether it waits to be let', () => {
    expect(requestOf(get())).toMatchObject({ contentLength: -1, expectsContinue: false });
    expect(requestOf(get('Content-Length: 7\r\nExpect: 100-continue\r\n', 'PUT / HTTP/1.1'))).toMatchObject({
      contentLength: 7,
      expectsContinue: true,
    });
  });

  it.each([
    ['', undefined],
    ['Connection: upgrade\r\nUpgrade: websocket\r\n', 'websocket'],
    ['Upgrade: websocket\r\n', undefined],
    ['Connection: upgrade\r\n', undefined],
    ['Connection: upgrade\r\nUpgrade: \r\n', undefined],
    ['Connection: upgrade\r\nUpgrade: h2c\r\n', undefined],
    ['Connection: upgrade\r\nUpgrade: H2C, websocket\r\n', undefined],
    ['Connection: upgrade\r\nUpgrade: h2cold\r\n', 'h2cold'],
    ['Connection: upgrade\r\nUpgrade: x-h2c\r\n', 'x-h2c'],
  ])('%j: wants to switch to %s', (fields, protocol) => {
    expect(requestOf(get(fields)).upgrade).toBe(protocol);
  });

  it('is from its peer, and from whom a trusted peer names', () => {
    const fields = 'X-Forwarded-For: 198.51.100.9\r\nX-Forwarded-Proto: https\r\n';
    expect(requestOf(get(fields))).toMatchObject({ remoteAddress: '192.0.2.1', scheme: 'http' });
    expect(requestOf(get(fields), world(['192.0.2.0/24']))).toMatchObject({
      remoteAddress: '198.51.100.9',
      scheme: 'https',
    });
    expect(requestOf(get(fields), world(['203.0.113.0/24'])).remoteAddress).toBe('192.0.2.1');
  });

  it('passed us before when its Via says so', () => {
    expect(requestOf(get()).loop).toBeUndefined();
    expect(requestOf(get('Via: 1.1 other\r\n')).loop).toBeUndefined();
    expect(requestOf(get('Via: 1.1 nmachine\r\n')).loop).toMatchObject({ code: 'loop_detected' });
  });
});

describe('a client that leaves', () => {
  it('is heard by who asked before, and by who asks afterwards', () => {
    const before = requestOf(get());
    const signal = before.leaves();
    expect(signal).toBe(before.leaves());
    expect(signal.aborted).toBe(false);
    before.left();
    expect(signal.aborted).toBe(true);
    const over = requestOf(get());
    over.left();
    expect(over.leaves().aborted).toBe(false);
    over.over();
    expect(over.leaves().aborted).toBe(true);
  });
});

describe('a head on its way', () => {
  it('goes to the target with what the plan adds, and is given back', () => {
    const { context } = world();
    const request = new NetRequestHead(context, peer, {
      head: parsed(context, get('Authorization: secret\r\nAccept: */*\r\n')),
    });
    const give = vi.spyOn(context.heads, 'give');
    const plan = planOf({ requestFields: Buffer.from('X-Shared: 1\r\n') });
    request.put(plan, plan.target, 'app:80');
    expect(written(context)).toBe(
      'GET /inside HTTP/1.1\r\nHost: app:80\r\nAccept: */*\r\nVia: 1.1 nmachine\r\nX-Shared: 1\r\nX-Own: 1\r\n\r\n',
    );
    expect(give).toHaveBeenCalledTimes(1);
    request.over();
    expect(give).toHaveBeenCalledTimes(1);
  });

  it('is given back at the end when it was never sent', () => {
    const { context } = world();
    const head = parsed(context, get());
    const request = new NetRequestHead(context, peer, { head });
    const give = vi.spyOn(context.heads, 'give');
    request.over();
    expect(give.mock.calls).toEqual([[head]]);
  });

  it('can be asked after its memory was used again', () => {
    const { context } = world();
    const bytes = Buffer.from(get('Accept: text/plain\r\n'), 'latin1');
    const head = context.heads.take();
    parseRequestHead(bytes, 0, bytes.length, head);
    const request = new NetRequestHead(context, peer, { head });
    request.keep();
    bytes.fill(0);
    expect(request.header('accept')).toBe('text/plain');
  });
});

describe('a head that came before', () => {
  const text = get('Accept: */*\r\n');
  const bytes = Buffer.from(text, 'latin1');

  /** The second of two requests with one head is noted. */
  function noted(plan: Plan<string>, target = plan.target) {
    const { context, opened } = world();
    const { known } = context;
    for (let i = 0; i < 2; i++) {
      expect(known?.find(bytes, 0, bytes.length)).toBeUndefined();
      const request = new NetRequestHead(context, peer, { head: parsed(context, text) });
      expect(request.open()).toBe(visit);
      request.put(plan, target, 'app:80');
      written(context);
    }
    opened.length = 0;
    return { context, opened, known: known?.find(bytes, 0, bytes.length) };
  }

  it('is known when its plan may be used again, and was carried out as it was', () => {
    const again = { open: () => visit };
    expect(noted(planOf()).known).toBeUndefined();
    expect(noted(planOf({ again })).known).toMatchObject({ request: { method: 'GET', target: '/a?b', httpMinor: 1 } });
    expect(noted(planOf({ again }), { origin: 'http://other:80', path: '/inside' }).known).toBeUndefined();
  });

  it('is opened by the plan, and sent without being parsed', () => {
    const other = { ...visit };
    const asked: unknown[] = [];
    const open = (head: unknown) => {
      asked.push(head);
      return other;
    };
    const plan = planOf({ again: { open } });
    const { context, opened, known } = noted(plan);
    if (!known) throw new Error('it is not known');
    const take = vi.spyOn(context.heads, 'take');
    const request = new NetRequestHead(context, peer, { known });
    expect(request).toMatchObject({ method: 'GET', target: '/a?b', httpMinor: 1, wantsClose: false, loop: undefined });
    expect(request).toMatchObject({ contentLength: -1, expectsContinue: false, upgrade: undefined });
    expect(request.open()).toBe(other);
    expect([asked, opened]).toEqual([[request], []]);
    request.put(plan, plan.target, 'app:80');
    expect(written(context)).toBe(
      'GET /inside HTTP/1.1\r\nHost: app:80\r\nAccept: */*\r\nVia: 1.1 nmachine\r\nX-Own: 1\r\n\r\n',
    );
    expect(take).not.toHaveBeenCalled();
  });

  it('is asked anew, parsed and forgotten when the plan may not be used again', () => {
    const plan = planOf({ again: { open: () => undefined } });
    const { context, opened, known } = noted(plan);
    if (!known) throw new Error('it is not known');
    const request = new NetRequestHead(context, peer, { known });
    expect(request.open()).toBe(visit);
    expect(opened).toEqual([request]);
    expect(context.known?.find(bytes, 0, bytes.length)).toBeUndefined();
    expect(request.header('accept')).toBe('*/*');
    const elsewhere = planOf({ target: { origin: 'http://new:80', path: '/new' } });
    request.put(elsewhere, elsewhere.target, 'new:80');
    expect(written(context)).toMatch(/^GET \/new HTTP\/1\.1\r\nHost: new:80\r\nAccept: \*\/\*\r\n/);
  });

  it('goes to another target than the plan had without what was written for that', () => {
    const plan = planOf({ again: { open: () => visit } });
    const { context, known } = noted(plan);
    if (!known) throw new Error('it is not known');
    const request = new NetRequestHead(context, peer, { known });
    request.put(plan, { origin: 'http://second:80', path: '/second' }, 'second:80');
    expect(written(context)).toMatch(/^GET \/second HTTP\/1\.1\r\nHost: second:80\r\n/);
  });
});
