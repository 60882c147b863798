import { compileExpression } from '../cel-program.js';
import { variablesOfInput } from '../cel-variables.js';
import { ExpressionError } from '../expression-error.js';
import type { DecisionInput } from '../facts.js';
import { timelineOf } from '../timeline.js';

/** A licence around its dates, and a request, for expressions to look at. */
export const input: DecisionInput = {
  licence: {
    id: 'lic_1',
    state: 'active',
    startsAtMs: 1_000,
    expiresAtMs: 10_000,
    grace: [
      { mode: 'full', seconds: 5 },
      { mode: 'read-only', seconds: 5 },
    ],
    trial: true,
  },
  plan: {
    slug: 'pro',
    entitlements: { sso: true, office: '10.0.0.0/8', until: '1970-01-01T00:00:07Z', seats: 5, region: 'eu' },
    limits: { installsMax: 2, seats: { users: 3 } },
  },
  customer: { id: 'cust_1', name: 'ÄCME Ltd' },
  install: { id: 'inst_1', clusterId: 'clu_1', namespace: 'prod' },
  version: '1.2.0',
  channel: 'stable',
  request: { method: 'GET', path: '/api/Status', routeClass: 'read', address: '10.0.0.7' },
};
/** What an expression sees of it. */
export const variablesAt = (nowMs: number, facts = input) => variablesOfInput(facts, timelineOf(facts.licence), nowMs);
/** What an expression says of it. */
export const test = (when: string, nowMs = 5_000, facts = input) =>
  compileExpression(when).test(variablesAt(nowMs, facts));
/** When it says something else, in ms. */
export const change = (when: string, nowMs: number) => compileExpression(when).nextChangeMs(variablesAt(nowMs));
/** Why an expression is refused, and where. */
export const fault = (when: string): [string, number] => {
  try {
    compileExpression(when);
  } catch (error) {
    if (error instanceof ExpressionError) return [error.message, error.offset];
    throw error;
  }
  throw new Error(`compiled: ${when}`);
};
