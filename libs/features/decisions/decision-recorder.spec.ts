import type { Db } from '@nm/adapters/db';
import { Fault } from '@nm/kernel/fault';
import { FakeClock } from '@nm/kernel/time';
import { describe, expect, it } from 'vitest';
import { type DecisionNote, DecisionRecorder, type DecisionRecorderOptions } from './decision-recorder.js';

interface Row {
  readonly licenceId: string;
  readonly code: string;
  readonly weight: number;
}

/** A store that keeps rows, and may refuse. */
function store(refuse: (rows: readonly Row[]) => Error | undefined = () => undefined) {
  const rows: Row[] = [];
  const $executeRaw = async (_statement: readonly string[], document: string) => {
    const data = (JSON.parse(document) as { licence_id: string; code: string; weight: number }[]).map((row) => ({
      ...{ licenceId: row.licence_id, code: row.code, weight: row.weight },
    }));
    const error = refuse(data);
    if (error) throw error;
    rows.push(...data);
  };
  const db = { asSystem: (work: (tx: unknown) => Promise<unknown>) => work({ $executeRaw }) };
  return { rows, db: db as unknown as Pick<Db, 'asSystem'> };
}

const note = (licenceId: string, code = 'licence_expired', path = '/api/x'): DecisionNote => ({
  orgId: 'org_1',
  appId: 'app_1',
  licenceId,
  installId: undefined,
  effect: 'deny',
  code,
  ruleId: 'builtin:licence-expired',
  ruleSetVersion: undefined,
  requestId: 'req_1',
  request: { method: 'GET', path, routeClass: 'read', address: '127.0.0.1' },
  facts: () => ({
    licence: { state: 'active', startsAtMs: 0, grace: [], trial: false },
    plan: { slug: 'pro', entitlements: {}, limits: { installsMax: 1 } },
    customer: { id: 'cust_1', name: 'C' },
  }),
});
const make = (db: Pick<Db, 'asSystem'>, more: Partial<DecisionRecorderOptions> = {}) =>
  new DecisionRecorder({ db, clock: new FakeClock(), allowEvery: 10, ...more });

describe('DecisionRecorder', () => {
  it('keeps every refusal, and makes one row with a weight of those that are alike', async () => {
    const { rows, db } = store();
    const recorder = make(db);
    for (let i = 0; i < 7; i++) recorder.denied(note('lic_1'));
    recorder.denied(note('lic_1', 'rate_limited'));
    recorder.denied(note('lic_2'));
    await recorder.flush();
    expect(rows.map(({ licenceId, code, weight }) => [licenceId, code, weight])).toEqual([
      ['lic_1', 'licence_expired', 7],
      ['lic_1', 'rate_limited', 1],
      ['lic_2', 'licence_expired', 1],
    ]);
  });

  it('keeps one of ten that are let in, with the weight of ten', async () => {
    const { rows, db } = store();
    const recorder = make(db);
    for (let i = 0; i < 100; i++) if (recorder.wantsAllow()) recorder.allowed(note('lic_1', 'licence_active'));
    await recorder.flush();
    expect(rows.map(({ weight }) => weight)).toEqual([100]);
  });

  it('drops and counts what does not fit, and never grows', () => {
    let dropped = 0;
    const recorder = make(store().db, { pendingMax: 5, onDropped: (count) => (dropped += count) });
    for (let i = 0; i < 12; i++) recorder.denied(note(`lic_${i}`));
    expect([recorder.pending, dropped]).toEqual([5, 7]);
  });

  it('tries again what the store did not take, and loses nothing of it', async () => {
    let away = true;
    const { rows, db } = store(() => (away ? new Fault('store_unavailable') : undefined));
    const recorder = make(db);
    recorder.denied(note('lic_1'));
    await expect(recorder.flush()).rejects.toThrow(/store_unavailable/);
    recorder.denied(note('lic_2'));
    away = false;
    await recorder.flush();
    expect(rows.map(({ licenceId }) => licenceId).sort()).toEqual(['lic_1', 'lic_2']);
  });

  it('loses only the decisions of a licence that is gone', async () => {
    const gone = (rows: readonly Row[]): Error | undefined =>
      rows.some(({ licenceId }) => licenceId === 'lic_gone') ? new Error('foreign key') : undefined;
    const { rows, db } = store(gone);
    let dropped = 0;
    const recorder = make(db, { onDropped: (count) => (dropped += count) });
    for (const id of ['lic_1', 'lic_gone', 'lic_2']) recorder.denied(note(id));
    await recorder.flush();
    expect(rows.map(({ licenceId }) => licenceId)).toEqual(['lic_1', 'lic_2']);
    expect(dropped).toBe(1);
  });
});
