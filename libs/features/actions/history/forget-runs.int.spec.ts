import { newId } from '@nm/kernel/ids';
import { systemClock as clock } from '@nm/kernel/time';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type SeededVersion, seedVersion } from '../../../testing/seed-version.js';
import { createTestDatabase, type TestDatabase } from '../../../testing/test-database.js';
import { testVault as vault } from '../../../testing/test-vault.js';
import { startRunCare } from '../dispatch/run-care.js';
import { queueRun } from '../queue-run.js';

describe('the retention of runs', () => {
  let database: TestDatabase;
  let owner: pg.Client;
  beforeAll(async () => {
    database = await createTestDatabase();
    owner = new pg.Client({ connectionString: database.ownerUrl });
    await owner.connect();
  });
  afterAll(async () => {
    await owner.end();
    await database.close();
  });

  const queue = async ({ orgId, installIds }: SeededVersion, kind: 'action' | 'provision' | 'remove' = 'action') => {
    const [installId = ''] = installIds;
    const { rows } = await owner.query('SELECT licence_id FROM install WHERE id = $1', [installId]);
    const plan = { steps: [{ kind: 'wait', title: 'Nothing', seconds: 0 }] };
    const work = { kind, action: 'a', title: newId('request'), plan, timeoutSeconds: 60 };
    const input = { orgId, installId, licenceId: rows[0].licence_id, ...work };
    return (await database.db.withOrg(orgId, (tx) => queueRun(tx, input, { vault, clock }))).id;
  };
  const ended = async (id: string, daysAgo: number) => {
    await owner.query(
      `UPDATE run SET status = 'positive', created_at = now() - interval '900 days', started_at = now() - interval '900 days',
              finished_at = now() - $2::int * interval '1 day' WHERE id = $1`,
      [id, daysAgo],
    );
    return id;
  };

  it('forgets what has ended longer ago than its organisation keeps, with steps and story; nothing else', async () => {
    const [brief, long] = [await seedVersion(owner, { installs: 1 }), await seedVersion(owner, { installs: 1 })];
    await owner.query('UPDATE org SET run_retention_days = 7 WHERE id = $1', [brief.orgId]);
    const old = [await ended(await queue(brief), 8), await ended(await queue(long), 366)];
    const kept = [
      await ended(await queue(brief), 6),
      await ended(await queue(long), 364),
      // What made an install stays as long as the install does.
      await ended(await queue(brief, 'provision'), 700),
      await ended(await queue(brief, 'remove'), 700),
    ];
    // However long it has been there, it has not ended.
    const open = await queue(brief);
    await owner.query(`UPDATE run SET created_at = now() - interval '900 days' WHERE id = $1`, [open]);
    const errors: unknown[] = [];
    const care = startRunCare({ db: database.db, clock, vault, tickMs: 50, onError: (error) => errors.push(error) });
    const left = async () => (await owner.query('SELECT id FROM run ORDER BY id')).rows.map(({ id }) => id);
    await expect.poll(left, { timeout: 30_000 }).toEqual([...kept, open].toSorted());
    await care.close();
    expect(errors).toEqual([]);
    for (const table of ['run_step', 'run_log']) {
      const { rowCount } = await owner.query(`SELECT 1 FROM ${table} WHERE run_id = ANY($1)`, [old]);
      expect(rowCount).toBe(0);
    }
  });

  it.each(['its tenant', 'the platform', 'the owner'] as const)(
    'leaves no step and no line of a run whose install %s deletes; of others all',
    async (who) => {
      const [gone, stays] = [await seedVersion(owner, { installs: 1 }), await seedVersion(owner, { installs: 1 })];
      const [of, other] = [await queue(gone), await queue(stays)];
      const [id] = gone.installIds;
      const where = { id: id ?? '' };
      if (who === 'its tenant') await database.db.withOrg(gone.orgId, (tx) => tx.install.delete({ where }));
      else if (who === 'the platform') await database.db.asSystem((tx) => tx.install.delete({ where }));
      else await owner.query('DELETE FROM install WHERE id = $1', [id]);
      for (const table of ['run_step', 'run_log']) {
        const { rows } = await owner.query(`SELECT run_id FROM ${table} WHERE run_id = ANY($1)`, [[of, other]]);
        expect(rows).toEqual([{ run_id: other }]);
      }
    },
  );
});
