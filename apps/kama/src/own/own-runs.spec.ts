import { systemClock } from '@nm/kernel/time';
import { Agent } from 'undici';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { MemoryCluster } from './memory-cluster.js';
import { OwnRuns } from './own-runs.js';

describe('runs of an own process', () => {
  const egress = new Agent();
  let cluster: MemoryCluster;
  /** Done once, right after a step has read the Kamafile. */
  let meanwhile: (() => void) | undefined;
  let runs: OwnRuns;
  beforeEach(() => {
    cluster = new MemoryCluster();
    const session = cluster.session();
    const get: typeof session.get = async (ref, ...rest) => {
      const found = await session.get(ref, ...rest);
      const sneak = ref.name === 'kamafile' ? meanwhile : undefined;
      if (sneak) meanwhile = undefined;
      sneak?.();
      return found;
    };
    runs = new OwnRuns({
      ...{ session: { ...session, get } as typeof session, namespace: 'shop', clock: systemClock, egress },
      signal: new AbortController().signal,
      kama: { ask: () => Promise.reject(new Error('no step of these asks')) },
    });
  });
  afterAll(() => egress.destroy());

  const outcomeOf = async (...steps: object[]) => {
    const id = await runs.start({ action: 'a', title: 'A', plan: { steps } } as Parameters<typeof runs.start>[0]);
    await runs.settled();
    return runs.job(id);
  };
  const merge = (values: object, more: object = {}) => ({ kind: 'variables', title: 'Set', merge: values, ...more });
  const kept = (kind = 'ConfigMap') => (cluster.find(kind, 'kamafile')?.['data'] as { app: string } | undefined)?.app;

  it('write the Kamafile over what they have read only: who was faster counts too', async () => {
    expect((await outcomeOf(merge({ web: { replicas: 1 } }))).status).toBe('positive');
    meanwhile = () => {
      const data = {
        app: JSON.stringify({ ...JSON.parse(kept() ?? ''), user_vars: { web: { replicas: 1, theirs: 2 } } }),
      };
      cluster.put({ ...cluster.find('ConfigMap', 'kamafile'), data });
    };
    expect((await outcomeOf(merge({ 'web.ours': 3 }))).status).toBe('positive');
    expect(JSON.parse(kept() ?? '')).toMatchObject({ user_vars: { web: { replicas: 1, theirs: 2, ours: 3 } } });
  });

  it('make the Kamafile once: somebody else made it meanwhile', async () => {
    const data = { app: JSON.stringify({ user_vars: { theirs: 1 } }) };
    const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'kamafile' }, data };
    meanwhile = () => cluster.put(object);
    expect((await outcomeOf(merge({ ours: 2 }))).status).toBe('positive');
    expect(JSON.parse(kept() ?? '')).toMatchObject({ user_vars: { theirs: 1, ours: 2 } });
  });

  it('keep what is secret in the Secret, and tell its name only', async () => {
    const { status, progress } = await outcomeOf(merge({ till: { password: 'scoops' } }, { secret: true }));
    expect([status, kept()]).toEqual(['positive', undefined]);
    expect(JSON.parse(Buffer.from(kept('Secret') ?? '', 'base64').toString('utf8'))).toMatchObject({
      user_vars: { till: { password: 'scoops' } },
    });
    expect(JSON.stringify(progress)).not.toContain('scoops');
  });

  it('go on with every branch of a parallel group, and fail by the one that failed', async () => {
    const nobody = { apiVersion: 'v1', kind: 'ConfigMap', name: 'nobody' };
    const steps = [{ kind: 'patch', title: 'Fail', ref: nobody, patch: {} }, merge({ a: 1 })];
    const { status, result } = await outcomeOf(
      { kind: 'group', title: 'Both', mode: 'parallel', steps },
      merge({ b: 2 }),
    );
    expect([status, result?.reason]).toEqual(['negative', 'ConfigMap nobody does not exist.']);
    expect(JSON.parse(kept() ?? '')).toMatchObject({ user_vars: { a: 1 } });
    expect(kept()).not.toContain('"b"');
  });

  it('take back the latest first, and go on when something cannot be taken back', async () => {
    const undoing = (step: object, ...undo: object[]) => ({ ...step, undo });
    const nobody = { apiVersion: 'v1', kind: 'ConfigMap', name: 'nobody' };
    const lost = { kind: 'patch', title: 'Fail', ref: nobody, patch: {} };
    const { status, progress } = await outcomeOf(
      undoing(merge({ a: 1 }), merge({ last: 'first' })),
      undoing(merge({ b: 1 }), merge({ last: 'second' }), lost, merge({ last: 'never' })),
      undoing(merge({ c: 1 }), merge({ last: 'third', third: true })),
      lost,
    );
    expect(status).toBe('negative');
    expect(JSON.parse(kept() ?? '')).toMatchObject({ user_vars: { last: 'first', third: true } });
    expect(progress?.sub_items.map(({ sub_items }) => sub_items.map((each) => each.status))).toEqual([
      ['positive'],
      ['positive', 'negative'],
      ['positive'],
      [],
    ]);
  });
});
