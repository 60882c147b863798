import type { RunFilter } from '@nm/kernel/contracts';
import { newId } from '@nm/kernel/ids';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listRuns } from '../read-run.js';
import { SeededRuns } from '../test/seeded-runs.js';
import { exportRuns } from './export-runs.js';

const nothing = [{ kind: 'wait', title: 'Nothing', seconds: 0 }];

describe('the history of runs', () => {
  let runs: SeededRuns;
  let licences: string[];
  beforeAll(async () => {
    runs = await SeededRuns.open(2);
    const { rows } = await runs.owner.query('SELECT id, licence_id FROM install');
    licences = runs.seeded.installIds.map((install) => rows.find(({ id }) => id === install).licence_id);
  });
  afterAll(() => runs.close());

  const orgOf = () => ({ orgId: runs.seeded.orgId });
  const queue = async (install: number, changes: Record<string, unknown>, more: object = {}) => {
    const id = await runs.queue(install, nothing, more);
    const names = Object.keys(changes);
    if (names.length > 0)
      await runs.owner.query(
        `UPDATE run SET ${names.map((name, i) => `${name} = $${i + 2}`).join(', ')} WHERE id = $1`,
        [id, ...Object.values(changes)],
      );
    return id;
  };
  const exported = async (filter: RunFilter, format: 'ndjson' | 'csv' = 'ndjson', scope: object = {}) => {
    const parts: string[] = [];
    for await (const part of exportRuns(runs.database.db, { ...orgOf(), ...scope }, filter, format)) parts.push(part);
    return parts;
  };
  const idsIn = (parts: readonly string[]) =>
    parts
      .join('')
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line).id as string);

  it('is narrowed by each thing that one can ask for, in the list and in the export alike', async () => {
    const schedule = newId('schedule');
    const one = await queue(
      0,
      { created_at: '2020-05-01T00:00:00Z', started_by: 'lic_somebody', schedule_id: schedule },
      { action: 'upgrade', title: 'To 2.0', info: 'the blue one' },
    );
    const other = await queue(
      1,
      { created_at: '2020-06-01T00:00:00Z', started_by: 'lic_other', status: 'cancelled', finished_at: new Date() },
      { action: 'backup', title: 'Nightly', info: 'the green one' },
    );
    const [installOfOne] = runs.seeded.installIds;
    const filters: [RunFilter, string[]][] = [
      [{}, [one, other]],
      [{ installId: installOfOne ?? '' }, [one]],
      [{ status: ['queued'] }, [one]],
      [{ status: ['cancelled', 'negative'] }, [other]],
      [{ action: 'upgrade' }, [one]],
      [{ who: 'lic_other' }, [other]],
      [{ scheduleId: schedule }, [one]],
      [{ from: '2020-05-15T00:00:00Z' }, [other]],
      [{ to: '2020-06-01T00:00:00Z' }, [one]],
      [{ from: '2020-05-01T00:00:00Z', to: '2020-05-01T00:00:00.001Z' }, [one]],
      [{ text: 'NIGHT' }, [other]],
      [{ text: 'upGrade' }, [one]],
      [{ text: 'the green' }, [other]],
      [{ text: 'nowhere' }, []],
      [{ text: '%' }, []],
      [{ text: 't_e' }, []],
      [{ text: '\\' }, []],
      [{ action: 'upgrade', who: 'lic_other' }, []],
    ];
    for (const [filter, found] of filters) {
      const what = JSON.stringify(filter);
      expect(idsIn(await exported(filter)), what).toEqual(found);
      const page = await listRuns(runs.database.db, orgOf(), { ...filter, limit: 50 });
      expect(
        page.data.map(({ id }) => id),
        what,
      ).toEqual(found);
    }
    // A licensee exports what it may see, whatever it asks for.
    expect(idsIn(await exported({}, 'ndjson', { licenceId: licences[1] }))).toEqual([other]);
    expect(idsIn(await exported({ installId: installOfOne ?? '' }, 'ndjson', { licenceId: licences[1] }))).toEqual([]);
  });

  it('is exported whole when it is longer than a piece, each run once, the oldest first', async () => {
    const first = await runs.queue(0, nothing, { action: 'many' });
    await runs.owner.query(
      `INSERT INTO run SELECT (jsonb_populate_record(r, jsonb_build_object('id', left(r.id, 20) || lpad(n::text, 10, '0')))).*
         FROM run r, generate_series(1, 1001) n WHERE r.id = $1`,
      [first],
    );
    const parts = await exported({ action: 'many' });
    expect(parts.length).toBeGreaterThan(1);
    const ids = idsIn(parts);
    expect(ids.length).toBe(1_002);
    expect(ids).toEqual([...new Set(ids)].toSorted());
    expect((await exported({ action: 'many' }, 'csv')).join('').split('\r\n').length).toBe(1_002 + 2);
  });

  it('is a table that a spreadsheet reads as text: nothing is calculated, nothing breaks a cell', async () => {
    const titles = ['=1+1', '+1', '-1', '@SUM(A1)', 'a "b", c\r\nd', 'plain'];
    for (const title of titles)
      await queue(0, { error: JSON.stringify({ code: 'c', reason: '\t=x' }) }, { action: 'cells', title });
    const text = (await exported({ action: 'cells' }, 'csv')).join('');
    const cells = [`'=1+1`, `'+1`, `'-1`, `'@SUM(A1)`, `"a ""b"", c\r\nd"`, 'plain'];
    for (const cell of cells) expect(text).toContain(`,cells,${cell},`);
    expect(text.match(/,c,'\t=x\r\n/g)).toHaveLength(titles.length);
  });
});
