import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { FakeKubeApi, type Stored, statusOf } from '../../../testing/fake-kube-api.js';
import { type Kat, kat } from '../kat.js';
import type { Pod } from '../kinds/pod.js';
import type { KubeSession } from '../session/kube-session.js';
import type { LiveSet } from './live-set.js';

const pod = (name: string, phase = 'Running', labels: Record<string, string> = { app: 'web' }): Stored => ({
  metadata: { name, namespace: 'n', labels },
  spec: { nodeName: 'node-1' },
  status: { phase },
});
const patience = { timeout: 15_000, interval: 20 };

describe('what is kept up to date by watches', () => {
  let api: FakeKubeApi;
  let session: KubeSession;
  let k8: Kat;
  const open: LiveSet<Pod>[] = [];
  const keep = async (set: Promise<LiveSet<Pod>>) => {
    open.push(await set);
    return set;
  };
  const names = (set: LiveSet<Pod>) =>
    set
      .all()
      .map((one) => one.name)
      .sort();
  const watching = () => expect.poll(() => api.watchers, patience).toBeGreaterThan(0);
  beforeAll(async () => {
    api = await FakeKubeApi.open();
  });
  beforeEach(() => {
    api.reset();
    api.clear();
    api.forgotten = 0;
    session = api.session();
    k8 = kat(session);
  });
  afterEach(async () => {
    for (const set of open.splice(0)) set.stop();
    await session.close();
  });
  afterAll(() => api.close());

  it('answers from memory, by every index', async () => {
    api.put('pods', pod('a'));
    api.put('pods', { ...pod('b'), metadata: { ...pod('b').metadata, ownerReferences: [{ uid: 'o-1' }] } });
    const set = await keep(k8.pods().ns('n').live());
    await watching();
    const asked = api.seen.length;
    expect(set.get('a', 'n')?.phase).toBe('Running');
    expect(set.byLabel('app', 'web')).toHaveLength(2);
    expect(set.byOwner('o-1').map((one) => one.name)).toEqual(['b']);
    expect(set.byNode('node-1')).toHaveLength(2);
    expect(set.byNs('other')).toEqual([]);
    expect(set.byUid(set.get('a', 'n')?.uid ?? '')?.name).toBe('a');
    api.put('pods', pod('a', 'Running', { app: 'other' }));
    await expect.poll(() => set.byLabel('app', 'web').length, patience).toBe(1);
    expect(api.seen.length).toBe(asked);
  });

  it('tells additions, changes and deletions, and lets go of what stops matching', async () => {
    api.put('pods', pod('a'));
    const events: string[] = [];
    const reading = (async () => {
      for await (const { type, resource } of k8.pods().ns('n').featureIs('phase', 'Running').watch()) {
        events.push(`${type} ${resource.name}`);
        if (events.length === 6) return;
      }
    })();
    await watching();
    api.put('pods', pod('b', 'Pending'));
    api.put('pods', pod('b'));
    api.put('pods', { ...pod('b'), extra: 1 });
    api.put('pods', pod('b', 'Failed'));
    api.put('pods', pod('c'));
    api.remove('pods', 'n', 'a');
    await reading;
    expect(events).toEqual(['added a', 'added b', 'modified b', 'deleted b', 'added c', 'deleted a']);
    await expect.poll(() => api.watchers, patience).toBe(0);
  });

  it('goes on where it was when streams break in the middle of a line', async () => {
    const set = await keep(k8.pods().live());
    for (let i = 0; i < 5; i++) {
      await watching();
      api.cutWatches();
      api.put('pods', pod(`p${i}`));
      await expect.poll(() => set.size, patience).toBe(i + 1);
    }
    expect(api.seen.filter(({ query }) => query.get('watch') !== 'true')).toHaveLength(1);
    // Each stream begins behind the newest change that was seen: nothing comes twice.
    const places = [...new Set(api.seen.map(({ query }) => query.get('resourceVersion')).filter((place) => place))];
    expect(places).toHaveLength(5);
    expect(places.map(Number)).toEqual(places.map(Number).sort((a, b) => a - b));
  });

  it('lists again through a storm of 410, 429 and 500, and misses nothing', async () => {
    api.put('pods', pod('old'));
    const set = await keep(k8.pods().live());
    await watching();
    let storm = 6;
    api.intercept = (_, response) => {
      if (storm-- <= 0) return false;
      const [code, reason] = (
        [
          [410, 'Expired'],
          [429, 'TooManyRequests'],
          [500, 'InternalError'],
        ] as const
      )[storm % 3] ?? [410, 'Expired'];
      api.json(response, code, statusOf(code, reason));
      return true;
    };
    api.cutWatches();
    api.remove('pods', 'n', 'old');
    api.put('pods', pod('new'));
    await expect.poll(() => names(set), { ...patience, timeout: 40_000 }).toEqual(['new']);
  }, 60_000);

  it('opens a silent stream anew, from the last bookmark', async () => {
    const set = await keep(k8.pods().live({ silenceMsMax: 400 }));
    await watching();
    const before = set.lastSignAtMs;
    api.put('services', { metadata: { name: 's', namespace: 'n' } });
    api.bookmark('pods');
    await expect.poll(() => set.lastSignAtMs, patience).toBeGreaterThan(before);
    const watches = () => api.seen.filter(({ query }) => query.get('watch') === 'true');
    await expect.poll(() => watches().length, patience).toBeGreaterThan(1);
    const [first, second] = watches().map(({ query }) => Number(query.get('resourceVersion')));
    expect(second).toBeGreaterThan(first ?? 0);
    api.put('pods', pod('late'));
    await expect.poll(() => names(set), patience).toEqual(['late']);
  });

  it('lists everything anew now and then, in case that a change was lost', async () => {
    const set = await keep(k8.pods().live({ resyncMs: 300, silenceMsMax: 200 }));
    const lists = () => api.seen.filter(({ query }) => query.get('watch') !== 'true').length;
    await expect.poll(lists, patience).toBeGreaterThan(2);
    expect(set.size).toBe(0);
  });

  it('ends with an error when it may watch no longer', async () => {
    const set = await keep(k8.pods().live());
    await watching();
    const reading = set.changes().next();
    api.intercept = (_, response) => {
      api.json(response, 403, statusOf(403, 'Forbidden'));
      return true;
    };
    api.cutWatches();
    await expect(reading).rejects.toMatchObject({ code: 'cluster_forbidden' });
    await expect(k8.pods().live()).rejects.toMatchObject({ code: 'cluster_forbidden' });
  });

  describe('waitUntil', () => {
    const one = async (name: string) => k8.pods().ns('n').findOrFail(name);

    it.each([
      ['a function', (it: Pod) => it.phase === 'Failed'],
      ['properties', { phase: 'failed' }],
      ['a condition', { condition: 'Done' }],
      ['kubectl’s condition', 'condition=Done=True'],
      ['kubectl’s jsonpath', 'jsonpath={.status.conditions[?(@.type=="Done")].status}=True'],
    ] as const)('waits for %s, without asking again and again', async (_, condition) => {
      api.put('pods', pod('a'));
      const it = await one('a');
      const waiting = it.waitUntil(condition as never, { timeoutMs: 15_000 });
      await watching();
      api.put('pods', {
        ...pod('a', 'Failed'),
        status: { phase: 'Failed', conditions: [{ type: 'Done', status: 'True' }] },
      });
      expect((await waiting).phase).toBe('Failed');
      expect(it.phase).toBe('Failed');
      expect(api.seen).toHaveLength(3);
    });

    it('is done at once when it is so already', async () => {
      api.put('pods', pod('a'));
      await (await one('a')).waitUntil({ phase: 'Running' });
    });

    it('waits for deletion, and takes a namesake for what it is', async () => {
      api.put('pods', pod('a'));
      const it = await one('a');
      const waiting = it.waitUntil('delete');
      await watching();
      api.remove('pods', 'n', 'a');
      await waiting;
      api.put('pods', pod('a'));
      await expect(it.waitUntil({ phase: 'Running' })).rejects.toMatchObject({ extra: { status: 404 } });
      await it.waitUntil('delete');
    });

    it('says in what state it was when time was over', async () => {
      api.put('pods', pod('a', 'Pending'));
      const it = await one('a');
      await expect(it.waitUntil({ phase: 'Running' }, { timeoutMs: 300 })).rejects.toMatchObject({
        code: 'kube_wait_timeout',
        extra: { last: { phase: 'Pending' } },
      });
    });

    it('waits for a whole set', async () => {
      api.put('pods', pod('a', 'Pending'));
      const waiting = k8.pods().waitUntil((all) => all.length === 2 && all.every((it) => it.phase === 'Running'));
      await watching();
      api.put('pods', pod('a'));
      api.put('pods', pod('b'));
      expect(await waiting).toHaveLength(2);
      await expect(k8.pods().waitUntil((all) => all.length > 5, { timeoutMs: 300 })).rejects.toMatchObject({
        code: 'kube_wait_timeout',
      });
    });
  });
});
