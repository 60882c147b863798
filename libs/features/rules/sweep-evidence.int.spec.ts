import { newId } from '@nm/kernel/ids';
import { FakeClock } from '@nm/kernel/time';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seedLicensee } from '../../testing/seed-licensee.js';
import { createTestDatabase, type TestDatabase } from '../../testing/test-database.js';
import { sweepEvidence } from './sweep-evidence.js';

const dayMs = 86_400_000;

describe('sweepEvidence', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.close());

  it('deletes decisions and recorded calls after 30 days and sessions a day after their end, of every tenant, and nothing else', async () => {
    const clock = new FakeClock('2026-06-01T00:00:00Z');
    const ago = (ms: number) => new Date(clock.nowMs() - ms);
    for (let tenant = 0; tenant < 2; tenant++) {
      const { orgId, appId, licenceId } = await seedLicensee(database.db);
      const decision = (at: Date) => ({
        ...{ id: newId('decision', at.getTime()), orgId, appId, licenceId, at },
        ...{ effect: 'deny', code: 'licence_expired', request: {}, facts: {} },
      });
      const call = (at: Date) => ({
        ...{ id: newId('clusterCall', at.getTime()), orgId, licenceId, installId: 'inst_1', at, verb: 'create' },
        ...{ apiGroup: '', apiVersion: 'v1', resource: 'pods', actorKind: 'app', actorId: 'ver_1', actorName: 'x' },
      });
      const session = (expiresAt: Date, endedAt?: Date) => ({
        ...{ id: newId('licenceSession'), orgId, licenceId, startedAt: ago(40 * dayMs), seenAt: ago(0), expiresAt },
        ...(endedAt ? { endedAt } : {}),
      });
      await database.db.asSystem(async (tx) => {
        await tx.decisionSample.createMany({ data: [30 * dayMs + 1, 30 * dayMs, 0].map((ms) => decision(ago(ms))) });
        await tx.clusterCall.createMany({ data: [30 * dayMs + 1, 30 * dayMs, 0].map((ms) => call(ago(ms))) });
        await tx.licenceSession.createMany({
          data: [session(ago(dayMs + 1)), session(ago(-dayMs), ago(dayMs + 1)), session(ago(dayMs)), session(ago(-1))],
        });
      });
    }
    expect(await sweepEvidence({ db: database.db, clock })).toBe(8);
    expect(await sweepEvidence({ db: database.db, clock })).toBe(0);
    const left = await database.db.asSystem(async (tx) => [
      await tx.decisionSample.count(),
      await tx.licenceSession.count(),
      await tx.clusterCall.count(),
    ]);
    expect(left).toEqual([4, 4, 4]);
  });
});
