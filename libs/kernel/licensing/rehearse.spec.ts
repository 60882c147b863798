import { describe, expect, it } from 'vitest';
import { compileRules, noRules } from './compile-rules.js';
import type { DecisionInput, RequestFacts } from './facts.js';
import { rehearse } from './rehearse.js';

const get: RequestFacts = { method: 'GET', path: '/api/status', routeClass: 'read', address: '10.0.0.7' };
const post: RequestFacts = { method: 'POST', path: '/api/actions/a/run', routeClass: 'mutate', address: '10.0.0.7' };
const inputOf = (request: RequestFacts, slug = 'pro'): DecisionInput => ({
  licence: { id: 'lic_1', state: 'active', startsAtMs: 0, expiresAtMs: 10_000, grace: [], trial: false },
  plan: { slug, entitlements: {}, limits: {} },
  customer: { id: 'cust_1', name: 'Acme' },
  version: '1.2.0',
  request,
});
const rule = (effect: 'allow' | 'read-only' | 'deny', when: string, id = effect) =>
  compileRules([{ id, name: when, effect, when }]);

describe('rehearse', () => {
  it('shows who is let in, shut out or told otherwise, by weight', () => {
    const samples = [
      { input: inputOf(get), atMs: 1, weight: 10 },
      { input: inputOf(post), atMs: 1, weight: 3 },
      { input: inputOf(post, 'free'), atMs: 1, weight: 5 },
      { input: inputOf(post), atMs: 20_000, weight: 7 },
    ];
    const tighter = rehearse(noRules, rule('read-only', 'plan.slug == "pro" && now < licence.ends_at'), samples);
    expect(tighter).toMatchObject({
      samples: 4,
      requests: { 'let-in': 0, 'shut-out': 3, differently: 10, same: 12 },
      changes: [
        {
          index: 0,
          kind: 'differently',
          now: { code: 'licence_active' },
          proposed: { admitted: true, code: 'rule_read_only' },
        },
        { index: 1, kind: 'shut-out', now: { admitted: true }, proposed: { admitted: false, code: 'rule_read_only' } },
      ],
    });
    const wider = rehearse(noRules, rule('allow', 'now >= licence.ends_at'), samples);
    expect(wider.requests).toEqual({ 'let-in': 7, 'shut-out': 0, differently: 0, same: 18 });
    expect(wider.changes).toMatchObject([
      {
        index: 3,
        kind: 'let-in',
        now: { admitted: false, code: 'licence_expired' },
        proposed: { admitted: true, code: 'rule_allowed' },
      },
    ]);
  });

  it('finds no change between equal rules, and one when only the rule or the code is another', () => {
    const samples = [{ input: inputOf(get), atMs: 1, weight: 1 }];
    const kinds = (a: Parameters<typeof rehearse>[0], b: typeof a) =>
      rehearse(a, b, samples).changes.map(({ kind }) => kind);
    expect(kinds(rule('deny', 'true'), rule('deny', 'true'))).toEqual([]);
    expect(kinds(rule('deny', 'true'), rule('deny', 'true', 'other' as 'deny'))).toEqual(['differently']);
    const other = compileRules([{ id: 'deny', name: 'x', effect: 'deny', when: 'true', code: 'not_found' }]);
    expect(kinds(rule('deny', 'true'), other)).toEqual(['differently']);
  });
});
