import type { Plan, RequestHead, Visit } from '@nm/adapters/proxy';
import { Vault } from '@nm/adapters/vault';
import { DecisionRecorder, FirstUses } from '@nm/features/decisions';
import { LimitBook } from '@nm/features/limits';
import { Activator, ContextTokens, Credentials, Directory } from '@nm/features/routing';
import type { Fault } from '@nm/kernel/fault';
import { mintBearerKey, newId } from '@nm/kernel/ids';
import { FakeClock } from '@nm/kernel/time';
import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { AccessLog } from './access-log.js';
import { DecisionNotes } from './decision-notes.js';
import type { ExchangeTag } from './exchange-tag.js';
import { gatewayMetrics } from './gateway-metrics.js';
import { GatewayPolicy } from './gateway-policy.js';
import { InstanceTouches } from './instance-touches.js';
import { JobBook } from './job-book.js';
import { KnownVisit } from './known-visit.js';
import { UsageGate } from './usage-limits.js';

type Rules = readonly { id: string; name: string; effect: string; when: string }[];
type GatewayVisit = Visit<ExchangeTag | undefined>;

const orgId = newId('org');
const appId = newId('app');
const licenceId = newId('licence');
const vault = new Vault(Buffer.alloc(32, 7));
const key = mintBearerKey('licence');
const outcome = { status: 200, clientGone: false, bytesIn: 0, bytesOut: 5 };

/** A gateway's policy on a store of one licence, which a test may change. */
function world(rules: Rules = [], limits: Record<string, number> = {}, sample = 0) {
  const clock = new FakeClock('2026-01-01T00:00:00Z');
  const licence = {
    ...{ id: licenceId, orgId, appId, state: 'active', trial: false, firstUsedAt: null as Date | null },
    startsAt: new Date('2020-01-01'),
    expiresAt: new Date('2026-02-01') as Date | null,
    expiresAfterFirstUseSeconds: null as number | null,
    keyLookup: key.lookup,
    keyHash: vault.hashBearerKey(key.text),
    updatedAt: new Date('2026-01-01'),
    grace: [{ mode: 'read-only', seconds: 3600 }],
    plan: { slug: 'pro', entitlements: {}, limits, grace: [] },
    customer: { id: newId('customer'), name: 'Customer' },
    app: { slug: 'guestbook', org: { slug: 'acme' } },
  };
  const version = {
    ...{ id: newId('version'), appId, orgId, name: '1.0.0', state: 'published' },
    spec: { kind: 'container', command: ['true'], tenancy: 'app' },
  };
  const org = { limits: {}, renewalUrl: null };
  const app = { id: appId, orgId, kind: 'kama', engines: [], corsOrigins: [], limits: {}, renewalUrl: null, org };
  const instance = { id: newId('instance'), orgId, observed: 'ready', desired: 'running', notBefore: null };
  const address = { of: '127.0.0.1:9001' };
  const tx = {
    licence: { findUnique: async ({ where }: { where: { id?: string } }) => (where.id ? licence : { id: licenceId }) },
    app: { findFirst: async () => ({ ...app, ruleSets: [{ version: 1, rules }] }) },
    appVersion: { findFirst: async () => null },
    channel: { findFirst: async () => ({ version, nextVersion: null, nextPercent: 0 }) },
    install: { findMany: async () => [] },
    instance: { findUnique: async () => ({ ...instance, address: address.of }) },
  };
  const db = { asSystem: (work: (asked: never) => Promise<unknown>) => work(tx as never) } as never;
  let signed = 0;
  const contexts = { sign: async () => `token-${++signed}`, verify: () => Promise.reject(new Error('none')) };
  const directory = new Directory(db, clock);
  const tokens = new ContextTokens(contexts as never);
  const credentials = new Credentials({ directory, vault, clock, contexts, db, issuerKeys: {} as never });
  const gauges = { openByKind: () => ({}), connections: () => ({ client: 0, upstream: 0 }), working: () => 0 };
  const registry = new Registry();
  const metrics = gatewayMetrics(registry, {
    ...gauges,
    ...{ slotsInUse: () => 0, waiting: () => 0, storeAgeSeconds: () => 0 },
  });
  const lines: { msg: string; line: Record<string, unknown> }[] = [];
  const write = (line: Record<string, unknown>, msg: string) => void lines.push({ msg, line });
  const log = new AccessLog({ info: write, warn: write } as never, metrics, sample);
  const stale = { now: false };
  const book = new LimitBook({ clock });
  const notes = new DecisionNotes(new DecisionRecorder({ db, clock, allowEvery: 0 }), new FirstUses({ db, clock }));
  const policy = new GatewayPolicy({
    ...{ ownOrigin: 'http://own', clock, metrics, spans: undefined, log, notes, cluster: {} as never },
    app: {
      admission: { directory, credentials, clock, stale: () => stale.now },
      activator: new Activator({ directory, clock, wake: async () => undefined }),
      touches: new InstanceTouches({ clock, touch: async () => undefined, inUse: () => [] }),
      usage: new UsageGate(book, clock, () => undefined),
      jobs: new JobBook({ db, vault, clock, onError: () => undefined }),
      ...{ tokens, clock, cookie: undefined, ownPages: 'http://own' },
    },
  });
  const change = (kind: 'licence' | 'instance', id: string) => directory.apply({ kind, id, orgId });
  return { policy, clock, directory, tokens, credentials, licence, key, address, stale, book, lines, registry, change };
}

type World = ReturnType<typeof world>;
interface Asked {
  readonly target?: string;
  readonly method?: string;
  readonly address?: string;
  readonly scheme?: RequestHead['scheme'];
  readonly fields?: Record<string, string>;
}

/** What became of a request: how it goes on, or how it was refused. */
interface Seen {
  readonly known: boolean;
  readonly answer: string;
  readonly plan?: Plan<ExchangeTag | undefined>;
  readonly to?: string;
  readonly request?: string;
  readonly refused?: string;
  readonly status?: number;
}

function headOf({ key }: World, asked: Asked) {
  const { target = '/api/jobs', method = 'GET', address = '192.0.2.1', scheme = 'http', fields = {} } = asked;
  const all: Record<string, string> = { host: 'gw', authorization: `Bearer ${key.text}`, ...fields };
  const head: RequestHead = {
    ...{ method, target: `/kama/acme/guestbook${target}`, httpMinor: 1, remoteAddress: address },
    ...{ scheme, upgrade: undefined },
    header: (name) => all[name],
    leaves: () => new AbortController().signal,
  };
  return head;
}

/** ask sends one request through the policy, to its end. */
async function ask(all: World, asked: Asked = {}): Promise<Seen> {
  const visit: GatewayVisit = all.policy.open(headOf(all, asked));
  try {
    const plan = await visit.plan();
    const found = { known: visit instanceof KnownVisit, ...told(plan), plan };
    visit.finished(outcome);
    return found;
  } catch (error) {
    const fault = error as Fault;
    const answer = visit.refuse(fault);
    visit.finished({ ...outcome, status: answer.status, fault });
    return { known: visit instanceof KnownVisit, refused: fault.code, status: answer.status, answer: answer.fields };
  }
}

function told(plan: Plan<ExchangeTag | undefined>) {
  const linesOf = (write: (out: Parameters<Plan<unknown>['addToRequest']>[0]) => void): string => {
    let text = '';
    const add = (more: string | number) => {
      text += more;
    };
    write({
      ...{ text: add, number: add, prepared: (bytes) => add(bytes.toString('latin1')) },
      bits: (value, digits, count) => {
        const width = Math.log2(digits.length);
        for (let shift = width * (count - 1); shift >= 0; shift -= width)
          add(String.fromCharCode(digits[(value >>> shift) & (digits.length - 1)]!));
      },
    });
    return text;
  };
  return {
    to: `${plan.target.origin} ${plan.target.path}`,
    request: linesOf((out) => {
      if (plan.requestFields) out.prepared(plan.requestFields);
      plan.addToRequest(out);
    }),
    answer: linesOf((out) => plan.addToAnswer(out)),
  };
}

const withoutIds = (lines: string): string => lines.replace(/(Request-Id|traceparent|RateLimit): [^\r]+/g, '$1: …');

describe('a request on a known way', () => {
  it('is told to the app, and answered, as the one before that was asked everything', async () => {
    const all = world([], { requestsPerSecond: 10, burst: 5 });
    const [first, second] = [await ask(all), await ask(all)];
    expect([first.known, second.known]).toEqual([false, true]);
    expect([first, second].map(({ plan }) => all.policy.tenantOf(plan?.tag))).toEqual([orgId, orgId]);
    expect(withoutIds(second.request ?? '')).toBe(withoutIds(first.request ?? ''));
    expect(withoutIds(second.answer)).toBe(withoutIds(first.answer));
    expect(first.answer).toContain('\r\nRateLimit: "licence";r=4;t=1\r\n');
    expect(second.answer).toContain('\r\nRateLimit: "licence";r=3;t=1\r\n');
    expect(second.answer).toContain('Nm-Licence-State: active\r\nNm-Licence-Expires: ');
    const [, id] = /^X-Request-Id: (req_[0-9a-z]{26})$/m.exec(second.answer) ?? [];
    expect(second.request).toContain(`X-Request-Id: ${id}\r\nNm-Request-Id: ${id}\r\n`);
    expect(second.request).toMatch(/\r\ntraceparent: 00-[0-9a-f]{32}-[0-9a-f]{16}-01\r\n$/);
    expect(first.answer).not.toContain(id);
    expect(await all.registry.metrics()).toContain('nm_gateway_decisions_total{code="licence_active"} 2');
  });

  it('keeps the caller’s trace', async () => {
    const all = world();
    await ask(all);
    const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-00`;
    const traced = await ask(all, { fields: { traceparent } });
    expect([traced.known, traced.request?.includes(`traceparent: ${traceparent}\r\n`)]).toEqual([true, true]);
    expect(traced.plan?.requestFilter.names).not.toContain('tracestate');
    expect((await ask(all)).plan?.requestFilter.names).toContain('tracestate');
  });

  it('goes to its own path, and is reviewed by it', async () => {
    const all = world();
    await ask(all);
    const other = await ask(all, { target: '/api/hosts?x=%2Fy' });
    expect([other.known, other.to]).toEqual([true, 'http://127.0.0.1:9001 /api/hosts?x=%2Fy']);
    expect(other.plan?.tag).toMatchObject({ licenceId, request: { path: '/api/hosts', routeClass: 'read' } });
    // The store of this test knows every app.
    expect((await ask(all, { target: 'x/api/jobs' })).known).toBe(false);
    expect((await ask(all, { target: '/../x' })).refused).toBe('invalid_path');
    expect((await ask(all, { target: '/a%2fb' })).refused).toBe('invalid_path');
  });

  it.each<[string, Asked]>([
    ['method', { method: 'POST' }],
    ['route class', { target: '/api/telem/backends/x' }],
    ['address', { address: '192.0.2.2' }],
    ['scheme', { scheme: 'https' }],
    ['Host', { fields: { host: 'other' } }],
    ['install', { fields: { 'nm-install': 'x' } }],
    ['origin', { fields: { origin: 'https://x' } }],
    ['cookies', { fields: { cookie: 'a=b' } }],
    ['wish for timings', { fields: { 'nm-server-timing': '1' } }],
    ['spelling of Bearer', { fields: { authorization: 'bearer x' } }],
  ])('is one of the same %s', async (_what, other) => {
    const all = world();
    await ask(all);
    expect((await ask(all)).known).toBe(true);
    expect((await ask(all, other)).known).toBe(false);
  });

  it('is asked everything after any change, and refused when the change says so', async () => {
    const all = world();
    await ask(all);
    all.licence.state = 'revoked';
    expect((await ask(all)).known).toBe(true);
    all.change('licence', licenceId);
    expect(await ask(all)).toMatchObject({ known: false, refused: 'licence_revoked', status: 403 });
    all.licence.state = 'active';
    all.change('licence', licenceId);
    expect([(await ask(all)).known, (await ask(all)).known]).toEqual([false, true]);
    all.address.of = '127.0.0.1:9002';
    all.change('instance', 'x');
    all.directory.clear();
    expect(await ask(all)).toMatchObject({ known: false, to: 'http://127.0.0.1:9002 /api/jobs' });
  });

  it('is asked everything when the licence stands otherwise by itself', async () => {
    const all = world();
    await all.clock.advance(Date.parse('2026-02-01') - all.clock.nowMs() - 1);
    await ask(all);
    expect(await ask(all)).toMatchObject({ known: true });
    await all.clock.advance(1);
    const reading = await ask(all);
    expect([reading.known, reading.answer.includes('Nm-Licence-State: grace\r\n')]).toEqual([false, true]);
    expect((await ask(all)).known).toBe(true);
    await all.clock.advance(3_600_000);
    expect(await ask(all)).toMatchObject({ known: false, refused: 'licence_expired' });
  });

  it('says how the licence stands, whatever a rule of the app allows', async () => {
    const all = world([{ id: 'all', name: 'All', effect: 'allow', when: 'true' }]);
    await all.clock.advance(Date.parse('2026-02-01') - all.clock.nowMs() - 1);
    await ask(all);
    expect(await ask(all)).toMatchObject({ known: true, answer: expect.stringContaining('State: active\r\n') });
    await all.clock.advance(1);
    expect(await ask(all)).toMatchObject({ known: false, answer: expect.stringContaining('State: grace\r\n') });
  });

  it('is asked everything when a rule’s own time comes', async () => {
    const when = 'now >= timestamp("2026-01-01T00:01:00Z")';
    const all = world([{ id: 'late', name: 'Late', effect: 'deny', when }]);
    await ask(all);
    await all.clock.advance(59_999);
    expect((await ask(all)).known).toBe(true);
    await all.clock.advance(1);
    expect(await ask(all)).toMatchObject({ known: false, refused: 'rule_denied' });
  });

  it('has the answer of a rule that reads the path for this path only', async () => {
    const all = world([{ id: 'jobs', name: 'Jobs', effect: 'deny', when: 'request.path == "/api/secret"' }]);
    await ask(all);
    expect((await ask(all)).known).toBe(true);
    expect((await ask(all, { target: '/api/jobs?page=2' })).known).toBe(true);
    expect(await ask(all, { target: '/api/secret' })).toMatchObject({ known: false, refused: 'rule_denied' });
    expect((await ask(all)).known).toBe(true);
  });

  it('gets a signed context that is fresh, by the keys of now', async () => {
    const all = world();
    await ask(all);
    expect((await ask(all)).request).toContain('nm-context: token-1\r\n');
    all.tokens.keysChanged();
    expect((await ask(all)).request).toContain('nm-context: token-2\r\n');
    await all.clock.advance(239_999);
    expect(await ask(all)).toMatchObject({ known: true, request: expect.stringContaining('nm-context: token-2\r\n') });
    await all.clock.advance(1);
    expect(await ask(all)).toMatchObject({ known: false, request: expect.stringContaining('nm-context: token-3\r\n') });
  });

  it('is refused by a limit as any other, and gives back what it held', async () => {
    const all = world([], { requestsPerSecond: 1, burst: 3, concurrency: 1 });
    await ask(all);
    const open = all.policy.open(headOf(all, {}));
    await open.plan();
    expect(all.book.slotsInUse).toBe(1);
    expect(await ask(all)).toMatchObject({ known: true, refused: 'concurrency_limited', status: 429 });
    open.finished(outcome);
    expect(all.book.slotsInUse).toBe(0);
    const lasting = all.policy.open(headOf(all, {}));
    const plan = await lasting.plan();
    plan.lasts?.();
    plan.lasts?.();
    expect(all.book.slotsInUse).toBe(0);
    lasting.finished(outcome);
    expect(all.book.slotsInUse).toBe(0);
    expect(await ask(all)).toMatchObject({ known: true, refused: 'rate_limited' });
    expect(await all.registry.metrics()).toContain('nm_gateway_decisions_total{code="rate_limited"} 1');
  });

  it('may not send more than the plan allows', async () => {
    const all = world([], { bodyBytesMax: 10 });
    await ask(all, { method: 'POST' });
    expect(await ask(all, { method: 'POST', fields: { 'content-length': '10' } })).toMatchObject({ known: true });
    const large = await ask(all, { method: 'POST', fields: { 'content-length': '11' } });
    expect(large).toMatchObject({ known: true, refused: 'body_too_large' });
    expect((await ask(all, { method: 'POST' })).plan?.bodyBytesMax).toBe(10);
  });

  it('has no way while nothing is known for sure, or credentials are learnt anew', async () => {
    const all = world();
    await ask(all);
    all.stale.now = true;
    expect(await ask(all)).toMatchObject({ known: false, refused: 'licence_unverifiable' });
    all.stale.now = false;
    expect((await ask(all)).known).toBe(true);
    all.credentials.clear();
    expect((await ask(all)).known).toBe(false);
  });

  it('goes on being known by its very head, until any of that is otherwise', async () => {
    const all = world();
    const again = async () => {
      await ask(all);
      return (await ask(all)).plan?.again;
    };
    const known = await again();
    const open = (asked: Asked = {}) => known?.open(headOf(all, asked));
    expect([open() instanceof KnownVisit, open({ address: '192.0.2.2' })]).toEqual([true, undefined]);
    expect([open({ scheme: 'https' }), open() instanceof KnownVisit]).toEqual([undefined, true]);
    expect((await open()?.plan())?.target).toBe((await ask(all)).plan?.target);
    const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-00`;
    expect((await ask(all, { fields: { traceparent } })).plan?.again).toBeUndefined();
    all.stale.now = true;
    expect(open()).toBeUndefined();
    all.stale.now = false;
    expect(open()).toBeDefined();
    const ends: readonly (() => unknown)[] = [
      () => all.change('licence', licenceId),
      () => all.change('instance', 'x'),
      () => all.tokens.keysChanged(),
      () => all.credentials.clear(),
      () => all.clock.advance(240_000),
    ];
    for (const end of ends) {
      const before = await again();
      expect(before?.open(headOf(all, {}))).toBeDefined();
      await end();
      expect(before?.open(headOf(all, {}))).toBeUndefined();
    }
  });

  it('has no way before the first use is written down', async () => {
    const all = world();
    all.licence.expiresAfterFirstUseSeconds = 60;
    await ask(all);
    expect((await ask(all)).known).toBe(false);
  });

  it('is told to the log like any other', async () => {
    const all = world([], {}, 1);
    await ask(all);
    await ask(all);
    const [first, second] = all.lines.map(({ line }) => line);
    expect(second).toEqual({ ...first, requestId: expect.stringMatching(/^req_/) });
    const open = all.policy.open(headOf(all, {}));
    await open.plan();
    open.finished({ ...outcome, status: 0, clientGone: true });
    expect(all.lines[2]?.line).toMatchObject({ status: 499, app: 'acme/guestbook', licenceId });
  });
});
