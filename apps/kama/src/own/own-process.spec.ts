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

  it('waits as long as a plan says, and fails a run with a step that needs the run engine, in words', async () => {
    const began = systemClock.monotonicMs();
    expect((await outcomeOf({ kind: 'wait', title: 'Rest', seconds: 1 })).status).toBe('positive');
    expect(systemClock.monotonicMs() - began).toBeGreaterThanOrEqual(990);
    const refused = await outcomeOf({ kind: 'run-pod', title: 'Look', image: 'i', command: ['ls'] });
    expect([refused.status, JSON.stringify(refused.result)]).toEqual([
      'negative',
      expect.stringContaining('run engine'),
    ]);
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

  it('runs no command in a prototype, which has no pods', async () => {
    const look = {
      kind: 'exec',
      title: 'Look',
      pod: { name: 'p' },
      command: ['ls'],
      expectExit: [0],
      timeoutSeconds: 5,
    };
    expect(await outcomeOf(look)).toMatchObject({
      status: 'negative',
      result: { reason: expect.stringContaining('no pods') },
    });
  });

  it('tells what became of each step, and knows no job that it did not begin', async () => {
    const { progress } = await commit({ 'web.replicas': 2 });
    const leaves = JSON.stringify(progress);
    expect(leaves).toContain('Deployment/guestbook-web applied');
    await expect(jobOf(visit(), 'run_nobody')).rejects.toMatchObject({ code: 'not_found' });
  });
});
