import { describe, expect, it } from 'vitest';
import { compileRules, loadRules } from './compile-rules.js';
import type { RequestFacts, StandingFacts } from './facts.js';
import { decidePrepared, prepare, readsPath } from './prepare.js';

const facts: StandingFacts = {
  licence: { id: 'lic_1', state: 'active', startsAtMs: 100, expiresAtMs: 1_000, grace: [], trial: false },
  plan: { slug: 'pro', entitlements: {}, limits: {} },
  customer: { id: 'cust_1', name: 'Acme' },
  version: '1',
  factsVersion: 'v1',
};
const get: RequestFacts = { method: 'GET', path: '/', routeClass: 'read', address: '127.0.0.1' };
const post: RequestFacts = { ...get, method: 'POST', routeClass: 'mutate' };
const rules = (...whens: string[]) =>
  compileRules(whens.map((when, i) => ({ id: `r${i}`, name: when, effect: 'deny', when })));
const codesAt = (prepared: ReturnType<typeof prepare>, times: readonly number[]) =>
  times.map((now) => decidePrepared(prepared, get, now).code);

describe('decidePrepared', () => {
  it('decides anew at the very millisecond at which its answer ends, and when the clock goes back', () => {
    const prepared = prepare(rules('request.method == "PUT"'), facts);
    expect(codesAt(prepared, [99, 100, 999, 1_000, 999, 99, 1_000])).toEqual([
      'licence_not_started',
      'licence_active',
      'licence_active',
      'licence_expired',
      'licence_active',
      'licence_not_started',
      'licence_expired',
    ]);
    const bare = prepare(rules(), facts);
    expect(codesAt(bare, [999, 1_000, 999])).toEqual(['licence_active', 'licence_expired', 'licence_active']);
  });

  it('gives the very same answer while nothing can have changed', () => {
    const prepared = prepare(rules('plan.slug == "free"', 'now < timestamp("1970-01-01T00:00:00.100Z")'), facts);
    const first = decidePrepared(prepared, get, 100);
    expect(decidePrepared(prepared, post, 998)).toBe(first);
    expect(decidePrepared(prepared, get, 998)).toMatchObject({ code: 'licence_active', validUntilMs: 1_000 });
  });

  it('asks rules that read the request each time, between those that do not', () => {
    const prepared = prepare(
      rules('request.method == "POST" && now >= timestamp("1970-01-01T00:00:00.500Z")', 'plan.slug == "pro"', 'true'),
      facts,
    );
    expect(decidePrepared(prepared, post, 400)).toMatchObject({ ruleId: 'r1', validUntilMs: 500 });
    expect(decidePrepared(prepared, post, 500)).toMatchObject({
      ruleId: 'r0',
      code: 'rule_denied',
      validUntilMs: Infinity,
    });
    expect(decidePrepared(prepared, get, 500)).toEqual({
      effect: 'deny',
      code: 'rule_denied',
      ruleId: 'r1',
      factsVersion: 'v1',
      validUntilMs: Infinity,
    });
  });

  it('holds a request to the instants of the rules before the one that decides, and of no other', () => {
    const prepared = prepare(
      rules(
        'now >= timestamp("1970-01-01T00:00:00.700Z")',
        'request.method == "POST"',
        'now >= timestamp("1970-01-01T00:00:00.600Z")',
      ),
      facts,
    );
    expect(decidePrepared(prepared, post, 500)).toMatchObject({ ruleId: 'r1', validUntilMs: 700 });
    expect(decidePrepared(prepared, get, 500)).toMatchObject({ code: 'licence_active', validUntilMs: 600 });
  });

  it('denies when a rule fails, whether or not it reads the request', () => {
    for (const when of ['plan.entitlements.x == 1', 'plan.entitlements.x == 1 && request.method == "GET"'])
      expect(decidePrepared(prepare(rules(when, 'true'), facts), get, 500)).toEqual({
        effect: 'deny',
        code: 'rule_failed',
        ruleId: 'r0',
        factsVersion: 'v1',
        validUntilMs: Infinity,
      });
  });

  it('denies when a stored rule does not compile any more', () => {
    const stored = loadRules([{ id: 'r', name: 'a rule', effect: 'allow', when: 'this is no expression' }]);
    expect(decidePrepared(prepare(stored, facts), get, 500)).toMatchObject({ code: 'rule_failed', ruleId: 'r' });
  });

  it('gives nobody the answer of another address, method or route class', () => {
    const shut = rules('request.address == "10.0.0.1" || request.method == "HEAD" || request.route_class == "admin"');
    const others: Partial<RequestFacts>[] = [{ address: '10.0.0.1' }, { method: 'HEAD' }, { routeClass: 'admin' }];
    for (const other of others) {
      const prepared = prepare(shut, facts);
      const codes = [get, { ...get, ...other }, get].map((request) => decidePrepared(prepared, request, 500).code);
      expect([other, codes]).toEqual([other, ['licence_active', 'rule_denied', 'licence_active']]);
    }
  });

  it('gives an answer at no time before it was made', () => {
    const prepared = prepare(rules('request.method == "GET" && now >= timestamp("1970-01-01T00:00:00.500Z")'), facts);
    expect(decidePrepared(prepared, post, 400).code).toBe('licence_active');
    expect(codesAt(prepared, [600, 450, 600])).toEqual(['rule_denied', 'licence_active', 'rule_denied']);
  });

  it('remembers one answer of a request, in place of the one that has ended', () => {
    const timed = rules('request.path == "/x" && now >= timestamp("1970-01-01T00:00:00.500Z")');
    for (const again of ['/1', '/4']) {
      const prepared = prepare(timed, facts);
      const at = (path: string, now: number) => decidePrepared(prepared, { ...get, path }, now);
      const first = at('/0', 400);
      for (const path of ['/1', '/3', '/4']) at(path, 420);
      at(again, 600);
      expect(at('/0', 420)).toBe(first);
      for (const path of ['/5', '/6', '/7', '/8']) at(path, 420);
      expect(at('/0', 420)).not.toBe(first);
    }
  });

  it('answers a path by itself where a rule reads it, and remembers the last four', () => {
    const prepared = prepare(rules('request.path != "/open"'), facts);
    const at = (path: string) => decidePrepared(prepared, { ...get, path }, 500);
    const answers = ['/1', '/2', '/3', '/4'].map(at);
    expect([at('/1') === answers[0], at('/4') === answers[3], at('/open').code]).toEqual([
      true,
      true,
      'licence_active',
    ]);
    expect([3, 2, 1, 0].map((i) => at(`/${i + 1}`) === answers[i])).toEqual([true, true, true, false]);
    expect(at('/1')).toEqual(answers[0]);
  });

  it('tells whether it looked at the path, and does not know before it has looked', () => {
    const looks = (...whens: string[]) => {
      const prepared = prepare(rules(...whens), facts);
      const before = readsPath(prepared);
      decidePrepared(prepared, get, 500);
      return [before, readsPath(prepared)];
    };
    expect(looks('request.path == "/x"')).toEqual([true, true]);
    expect(looks('request.method == "PUT"', 'request.path == "/x"')).toEqual([true, true]);
    expect(looks('request.method == "PUT"')).toEqual([true, false]);
    expect(looks('plan.slug == "pro"', 'request.path == "/x"')).toEqual([true, false]);
    expect(looks()).toEqual([true, false]);
  });

  it('asks no rule about a licence that is revoked', () => {
    const revoked = { ...facts, licence: { ...facts.licence, state: 'revoked' as const } };
    const prepared = prepare(compileRules([{ id: 'r', name: 'all', effect: 'allow', when: 'true' }]), revoked);
    expect(codesAt(prepared, [5, 500, 5_000])).toEqual(['licence_revoked', 'licence_revoked', 'licence_revoked']);
  });
});
