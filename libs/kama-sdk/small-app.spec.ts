import { fileURLToPath } from 'node:url';
import { TemplateWorkers } from '@nm/adapters/templating';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { lintBundle, loadBundle, newOperationState, openSession, readBundleFolder } from './index.js';
import { aKamafile } from './test/kamafiles.js';

vi.setConfig({ testTimeout: 120_000 });
const folder = fileURLToPath(new URL('./test/small-app', import.meta.url));
const files = await readBundleFolder(folder);
const bundle = loadBundle(files);
const jq = new TemplateWorkers({ workersMax: 1, timeoutMs: 20_000 });
afterAll(() => jq.close());

const kamafile = aKamafile({
  app: { default_vars: { web: { replicas: 1, mode: 'plain' } }, user_vars: { 'web.mode': 'proxied' } },
});
const session = () => openSession(bundle, { kamafile, namespace: 'shop', jq, budget: { timeMs: 60_000 } });

describe('a small app', () => {
  it('lints clean', () => {
    expect(lintBundle(files)).toEqual([]);
  });

  it('lists its variables with what they inherit, interpolate and take from assets', async () => {
    const [, replicas, mode] = await session().variables();
    expect(replicas).toMatchObject({
      id: 'web.replicas',
      title: 'Replicas in shop',
      info: 'How many copies of the page run.\n',
      value: 1,
      is_valid: true,
      category: { id: 'sdk.variable-category.compute', title: 'Workloads' },
    });
    expect(mode).toMatchObject({ value: 'proxied' });
    expect(mode?.assignments.map(({ is_present }) => is_present)).toEqual([true, false, false, true]);
  });

  it('shows how a variable is typed, and validates it by its own and inherited rules', async () => {
    const it = session();
    expect(await it.variable('web.replicas')).toMatchObject({
      type: 'SliderInput',
      extras: { min: 1, max: 5, suffix: ' pods' },
    });
    expect(await it.validateVariable('web.replicas', '3 pods')).toEqual({ status: 'valid', message: null });
    expect(await it.validateVariable('web.replicas', 'many')).toEqual({
      status: 'error',
      message: 'Must be a(n) integer',
    });
    expect(await it.validateVariable('web.replicas', 9)).toEqual({ status: 'warning', message: 'At most 4, not 9' });
  });

  it('resolves suppliers by paths and by whole jq programs', async () => {
    const it = session();
    expect(await it.resolve('app.supplier.replicas-max')).toBe(4);
    expect(await it.resolve('app.supplier.tier-names')).toEqual(['SMALL', 'LARGE']);
    expect(await it.resolve('app.predicate.is-proxied')).toBe(true);
    expect(it.notes).toEqual([]);
  });

  it('walks through an operation', async () => {
    const operation = 'app.operation.resize';
    expect(await session().operations()).toMatchObject([
      { id: operation, step_metas: [{ id: 'size' }, { id: 'confirm' }] },
    ]);
    const few = await session().refreshStep(operation, 'size', { 'web.replicas': 2, why: 'hidden' });
    expect(few.step.fields.map(({ id }) => id)).toEqual(['web.replicas']);
    expect(few.manifest_assignments).toEqual({ web: { replicas: 2 } });
    const many = await session().refreshStep(operation, 'size', { web: { replicas: 3 } });
    expect(many.step.fields.map(({ id }) => id)).toEqual(['web.replicas', 'why']);

    const begun = newOperationState('abcdefghij', operation);
    const { buckets, state } = await session().submitStep(
      operation,
      'size',
      { web: { replicas: 3 }, why: 'Black Friday' },
      begun,
    );
    expect(buckets).toEqual({
      standard: { web: { replicas: 3 } },
      inline: {},
      state: { why: 'Black Friday' },
      prefs: {},
    });
    expect(await session().nextStep(operation, 'size', state)).toBe('confirm');
    expect(await session().nextStep(operation, 'size', begun)).toBe('done');
    const stored = JSON.parse(JSON.stringify(state)) as typeof state;
    expect((await session().refreshStep(operation, 'confirm', {}, stored)).step.title).toBe('Because Black Friday');
    expect(await session().nextStep(operation, 'confirm', state)).toBe('done');
  });

  it('never interprets what somebody typed', async () => {
    const hostile = 'get::app.supplier.limits';
    const state = {
      ...newOperationState('x', 'o'),
      steps: [{ step: 'size', standard: {}, state: { why: hostile }, prefs: {}, job_id: null }],
    };
    const { step } = await session().refreshStep('app.operation.resize', 'confirm', {}, state);
    expect(step.title).toBe(`Because ${hostile}`);
  });
});
