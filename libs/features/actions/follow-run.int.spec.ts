import type { RunEvent } from '@nm/kernel/contracts';
import { newId } from '@nm/kernel/ids';
import { systemClock as clock } from '@nm/kernel/time';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { RunFeed } from './follow-run.js';
import { SeededRuns } from './test/seeded-runs.js';

const pause = { kind: 'wait', title: 'Nothing', seconds: 0 };

describe('those who follow a run', () => {
  let runs: SeededRuns;
  const feeds: RunFeed[] = [];
  beforeAll(async () => {
    runs = await SeededRuns.open(1);
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    for (const feed of feeds.splice(0)) await feed.close();
    await runs.owner.query('DELETE FROM run');
  });
  afterAll(() => runs.close());

  const feedOf = () => {
    const feed = new RunFeed(runs.database.db, clock);
    feeds.push(feed);
    return feed;
  };
  const follower = (feed: RunFeed, id: string, afterSeq = 0) => {
    const heard: string[] = [];
    const gone = new AbortController();
    const send = async ({ kind, data }: RunEvent) => heard.push(`${kind} ${(data as { status?: string }).status}`) > 0;
    const followed = feed.follow({ orgId: runs.seeded.orgId }, id, afterSeq, { signal: gone.signal, send });
    return { heard, followed, leave: () => gone.abort() };
  };

  it('share what is read of it, those who come later too, and each hears all of it', async () => {
    const id = await runs.queue(0, [pause]);
    const feed = feedOf();
    const first = follower(feed, id);
    await expect.poll(() => first.heard, { timeout: 20_000 }).toEqual(['status queued']);
    const reads = vi.spyOn(runs.database.db, 'withOrg');
    const others = Array.from({ length: 20 }, () => follower(feed, id));
    await expect.poll(() => others.map(({ heard }) => heard.length), { timeout: 20_000 }).toEqual(Array(20).fill(1));
    // Each alone: twenty. The feed's listener wakes everybody once it is connected, which may be now.
    expect(reads.mock.calls.length).toBeLessThanOrEqual(5);
    reads.mockRestore();
    await runs.work(id);
    for (const { heard, followed } of [first, ...others]) {
      await followed;
      expect(heard).toEqual(['status queued', 'status running', 'step running', 'step positive', 'status positive']);
    }
  });

  it('see nothing of it when they are of another organisation, whatever has been read already', async () => {
    const id = await runs.queue(0, [pause]);
    const feed = feedOf();
    const own = follower(feed, id);
    await expect.poll(() => own.heard, { timeout: 20_000 }).toHaveLength(1);
    const other = { orgId: newId('org') };
    await expect(feed.first(other, id, 0)).rejects.toMatchObject({ code: 'not_found' });
    await expect(feed.first({ orgId: runs.seeded.orgId }, id, 0)).resolves.toMatchObject({ ended: false });
    own.leave();
    await own.followed;
  });

  it('hear what no message told', async () => {
    const id = await runs.queue(0, [pause]);
    const feed = feedOf();
    const quiet = follower(feed, id);
    await expect.poll(() => quiet.heard, { timeout: 20_000 }).toHaveLength(1);
    await runs.owner.query('ALTER TABLE run_log DISABLE TRIGGER run_log_notify');
    try {
      await runs.work(id);
      await quiet.followed;
      expect(quiet.heard.at(-1)).toBe('status positive');
    } finally {
      await runs.owner.query('ALTER TABLE run_log ENABLE TRIGGER run_log_notify');
    }
  });
});
