import { join } from 'node:path';
import { TemplateWorkers } from '@nm/adapters/templating';
import { systemClock } from '@nm/kernel/time';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openVisit } from '../server/open-visit.js';
import { jobOf, startPlanned } from '../server/start-planned.js';
import { type OwnApp, openOwn } from './open-own.js';

const folder = join(import.meta.dirname, '../../../../examples/guestbook-bundle');

describe('an app in a process of its own, as a prototype', () => {
  const templates = new TemplateWorkers({ timeoutMs: 20_000 });
  let own: OwnApp;
  beforeAll(async () => {
    own = await openOwn(folder, {}, { clock: systemClock, templates });
  });
  afterAll(async () => {
    await own.close();
    await templates.close();
  });
  const visit = () => {
    const { signal } = new AbortController();
    return openVisit({ clock: systemClock, templates }, own.address(signal), signal);
  };
  const commit = async (assignments: Record<string, unknown>) => {
    const here = visit();
    const planned = await here.session.planAction('sdk.action.commit_template_apply_safely', { values: assignments });
    const id = await startPlanned(here, planned);
    await own.settled();
    return jobOf(visit(), id);
  };

  it('starts with what the publisher ships, and keeps what is committed for the next request', async () => {
    expect((await visit().session.variable('web.replicas')).value).toBe(1);
    const job = await commit({ 'web.replicas': 4 });
    expect([job.status, job.result]).toEqual(['positive', null]);
    expect((await visit().session.variable('web.replicas')).value).toBe(4);
    const applied = await visit().install.cluster.list(
      { kind: 'Deployment', namespace: 'prototype' },
      new AbortController().signal,
    );
    expect(applied).toEqual(
      expect.arrayContaining([expect.objectContaining({ spec: expect.objectContaining({ replicas: 4 }) })]),
    );
  });

  const outcomeOf = async (...steps: object[]) => {
    const { runs } = visit().install;
    const id = await runs.start({ action: 'a', title: 'A', plan: { steps } } as Parameters<typeof runs.start>[0]);
    await own.settled();
    return runs.job(id);
  };
  const config = (name: string, more: object = {}) => ({
    ...{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, ...more } },
  });
  const ref = (name: string) => ({ apiVersion: 'v1', kind: 'ConfigMap', name });
  const apply = (name: string, more: object = {}, labels?: object) => ({
    ...{ kind: 'apply', title: `Make ${name}`, manifests: [config(name, labels && { labels })] },
    ...more,
  });
  const fails = { kind: 'patch', title: 'Fail', ref: ref('nobody'), patch: { data: { a: '1' } } };
  const names = async () => {
    const found = await visit().install.cluster.list(
      { kind: 'ConfigMap', namespace: 'prototype' },
      new AbortController().signal,
    );
    return found.map(({ metadata }) => (metadata as { name: string }).name).filter((name) => name !== 'kamafile');
  };

  it('waits as long as a plan says', async () => {
    const began = systemClock.monotonicMs();
    expect((await outcomeOf({ kind: 'wait', title: 'Rest', seconds: 1 })).status).toBe('positive');
    expect(systemClock.monotonicMs() - began).toBeGreaterThanOrEqual(990);
  });

  it('does or leaves out a step by how another ended and by what is there', async () => {
    const { status, progress } = await outcomeOf(
      apply('first', { id: 'first' }),
      { ...fails, id: 'try', onError: 'continue' },
      apply('second', { when: { step: 'try', is: 'negative' } }),
      apply('third', {
        when: {
          all: [
            { step: 'first', is: 'positive' },
            { object: ref('first'), is: 'absent' },
          ],
        },
      }),
      apply('fourth', { when: { not: { object: ref('third'), is: 'present' } } }),
    );
    expect(status).toBe('positive');
    expect(progress?.sub_items.map((each) => each.status)).toEqual([
      'positive',
      'negative',
      'positive',
      'positive',
      'positive',
    ]);
    expect(progress?.sub_items[3]?.logs).toEqual(['Skipped: ConfigMap first exists']);
    expect(await names()).toEqual(['first', 'second', 'fourth']);
  });

  it('deletes group by group, what is named and what has a label', async () => {
    const select = { apiVersion: 'v1', kind: 'ConfigMap', labels: { part: 'data' } };
    const { status, progress } = await outcomeOf(
      apply('web'),
      apply('data-1', {}, { part: 'data' }),
      apply('data-2', {}, { part: 'data' }),
      apply('kept', {}, { part: 'other' }),
      {
        ...{ kind: 'delete', title: 'Take it away' },
        groups: [
          { title: 'Pages', refs: [ref('web'), ref('nobody'), ...['first', 'second', 'fourth'].map(ref)] },
          { title: 'Data', select: [select] },
        ],
      },
    );
    expect(status).toBe('positive');
    const logs = progress?.sub_items[4]?.logs ?? [];
    expect(logs).toEqual(expect.arrayContaining(['ConfigMap nobody is absent', 'Data: 2 to delete']));
    expect(logs.indexOf('ConfigMap web is gone')).toBeLessThan(logs.indexOf('Data: 2 to delete'));
    expect(await names()).toEqual(['kept']);
  });

  it('takes back what was done when a later step fails, and says so in the tree', async () => {
    const undo = [{ kind: 'restore', title: 'As it was' }];
    const { status, result, progress } = await outcomeOf(
      { ...fails, title: 'Change', ref: ref('kept'), patch: { data: { a: '2' } }, undo },
      apply('made', { undo: [{ kind: 'delete', title: 'Take away', refs: [ref('made')] }] }),
      { ...fails, remedies: [{ title: 'Make it first', button_action: { type: 'www', uri: 'https://example.com' } }] },
    );
    expect([status, result]).toMatchObject([
      'negative',
      {
        code: 'step_failed',
        reason: 'ConfigMap nobody does not exist.',
        remediation_options: [{ title: 'Make it first' }],
      },
    ]);
    expect(progress?.sub_items.map(({ sub_items }) => sub_items.map((each) => each.status))).toEqual([
      ['positive'],
      ['positive'],
      [],
    ]);
    expect(await names()).toEqual(['kept']);
    const [kept] = await visit().install.cluster.list(
      { kind: 'ConfigMap', namespace: 'prototype', fieldSelector: 'metadata.name=kept' },
      new AbortController().signal,
    );
    expect(kept).not.toHaveProperty('data.a');
  });

  it('runs other actions as jobs of their own, hands on what a step gave, and tries again as often as it is told', async () => {
    const child = (name: string, steps: object[]) => ({
      ...{ kind: 'run-action', title: name, action: name, plan: { steps } },
    });
    const { status, progress } = await outcomeOf(
      { ...child('other', [apply('child', { id: 'x' })]), id: 'other' },
      { ...apply('told'), manifests: [{ ...config('told'), data: { run: { $from: 'steps.other.run' } } }] },
      { ...fails, onError: 'continue', retry: { times: 1, pauseSeconds: 1 } },
      { ...child('bad', [fails]), onError: 'continue' },
    );
    expect(status).toBe('positive');
    const [first, , tried, bad] = progress?.sub_items ?? [];
    const [, run = ''] = /as (run_\w+)/.exec(first?.logs.join(' ') ?? '') ?? [];
    expect((await visit().install.runs.job(run)).status).toBe('positive');
    const [told] = await visit().install.cluster.list(
      { kind: 'ConfigMap', namespace: 'prototype', fieldSelector: 'metadata.name=told' },
      new AbortController().signal,
    );
    expect(told).toMatchObject({ data: { run } });
    expect(tried?.logs).toEqual(['ConfigMap nobody does not exist. Trying again in 1 s.']);
    expect(bad?.error?.reason).toBe('The action "bad" ended negative: ConfigMap nobody does not exist.');
  });

  it('refuses a plan that cannot be carried out before any of it is done, and each step that wants what is not there', async () => {
    const refused = outcomeOf(apply('early'), apply('late', { when: { step: 'nobody', is: 'positive' } }));
    await expect(refused).rejects.toMatchObject({ code: 'plan_invalid' });
    expect(await names()).not.toContain('early');
    const look = { title: 'Look', command: ['ls'] };
    const service = { name: 'web', port: 80 };
    for (const [step, words] of [
      [{ ...look, kind: 'exec', pod: { name: 'p' } }, 'no pods'],
      [{ ...look, kind: 'run-pod', image: 'i' }, 'no pods'],
      [{ title: 'Ask', kind: 'wait-for-http', service }, 'no services'],
      [{ title: 'Ask', kind: 'approval', message: 'May I?' }, 'Nobody can be asked'],
    ] as const) {
      const { status, result } = await outcomeOf(step);
      expect([status, result?.reason], words).toEqual(['negative', expect.stringContaining(words)]);
    }
  });

  it('waits until predicates hold, by the state that earlier steps left, and says which one does not', async () => {
    const replicas = (count: number) => ({
      kind: 'await-predicates',
      title: 'Look',
      timeoutSeconds: 1,
      predicates: [
        {
          challenge: 'get::id::sdk.supplier.config.variables->.web.replicas',
          check_against: count,
          reason: `not ${count}`,
        },
      ],
    });
    const set = { web: { replicas: 7 } };
    const change = { kind: 'variables', title: 'Change', space: 'app', level: 'user_vars', merge: set };
    const held = await outcomeOf(change, replicas(7));
    expect([held.status, held.progress?.sub_items[1]?.logs]).toEqual(['positive', ['all predicates hold']]);
    const late = await outcomeOf(replicas(99));
    expect(late).toMatchObject({ status: 'negative', result: { code: 'run_timeout' } });
    expect(JSON.stringify(late.progress)).toContain('not 99');
  }, 60_000);

  it('tells what became of each step, and knows no job that it did not begin', async () => {
    const { progress } = await commit({ 'web.replicas': 2 });
    const leaves = JSON.stringify(progress);
    expect(leaves).toContain('Deployment guestbook-web configured');
    await expect(jobOf(visit(), 'run_nobody')).rejects.toMatchObject({ code: 'not_found' });
  });
});
