import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { lintBundle, loadBundle } from '../descriptors/compile-bundle.js';
import { openSession, type SessionOptions } from '../session/session.js';
import { aCluster, files } from '../test/fakes.js';
import { aKamafile } from '../test/kamafiles.js';
import { defineAction, definePredicate, defineSupplier } from './index.js';

const menu = defineSupplier({
  kind: 'MenuSupplier',
  info: 'What is sold.',
  attributes: { flavours: z.array(z.string()), price: z.number().min(0).default(2), source: z.string().optional() },
  supply: async ({ attributes: { flavours, price }, context }) => {
    if (flavours.includes('broken')) throw new Error('the freezer is open');
    const { currency } = (await context.variables()) as { currency?: string };
    return { items: flavours.map((name) => ({ name, price: `${price} ${currency ?? '?'}` })), at: () => 'code' };
  },
});
const inSeason = definePredicate({
  kind: 'InSeasonPredicate',
  info: 'Whether a flavour can be had.',
  attributes: { season: z.enum(['summer', 'winter']) },
  holds: ({ attributes: { season }, challenge }) => season === 'summer' || challenge === 'chestnut',
  reason: ({ attributes: { season }, challenge }) => `no ${String(challenge)} in ${season}`,
});
const churn = defineAction({
  kind: 'ChurnAction',
  title: 'Churn',
  info: 'Makes ice cream.',
  attributes: { litres: z.coerce.number().int().positive(), machine: z.string().optional() },
  plan: async ({ attributes: { litres, machine }, context }) => {
    if (litres > 100) context.fail('there is no such bucket', { type: 'too_much', extras: { litres } });
    const pods = await context.resources({ res_kind: 'Pod', label_selector: { role: 'churn' } });
    return {
      variables: { 'stock.litres': litres, 'stock.code': 'hush' },
      steps: [
        {
          kind: 'scale',
          title: 'Start the churn',
          ref: { apiVersion: 'apps/v1', kind: 'Deployment', name: machine ?? 'churn' },
          replicas: litres === 13 ? -1 : pods.length,
        },
      ],
      give: { poured: litres },
      logs: [`pouring ${litres} litres`],
    };
  },
});
const models = [menu, inSeason, churn];

const descriptors = `
kind: MenuSupplier
id: app.menu
flavours: [vanilla, "get::id::app.special"]
output: .items[1]
---
kind: Supplier
id: app.special
source: chestnut
---
kind: MenuSupplier
id: app.broken
flavours: [broken]
---
kind: MenuSupplier
id: app.dear
flavours: [vanilla]
price: "get::id::app.special"
---
kind: ManifestVariable
id: flavour
validators: [{ kind: InSeasonPredicate, season: winter }]
---
kind: ManifestVariable
id: stock.code
secret: true
---
kind: InSeasonPredicate
id: app.never
season: winter
negate: true
challenge: chestnut
reason: because we say so
---
kind: MultiAction
id: app.make
litres: 7
sub_actions:
  - { kind: ChurnAction, id: first }
  - { kind: PatchManifestVarsAction, values: { last: "get::parent>>poured" } }
---
{ kind: ChurnAction, id: app.too-much, litres: 101 }
---
{ kind: ChurnAction, id: app.invalid, litres: 13 }
---
{ kind: ChurnAction, id: app.no-litres }
---
{ kind: ActionErrorRemediationOption, id: app.less, title: Pour less, match: { type: too_much } }
`;
const bundle = loadBundle(files(descriptors), { models });
const open = (more: Partial<SessionOptions> = {}) =>
  openSession(bundle, {
    kamafile: aKamafile({ app: { user_vars: { currency: 'EUR', stock: { code: 'old' } } } }),
    namespace: 'ice',
    cluster: aCluster([
      { kind: 'Pod', apiVersion: 'v1', metadata: { name: 'a', labels: { role: 'churn' } } },
      { kind: 'Pod', apiVersion: 'v1', metadata: { name: 'b', labels: { role: 'churn' } } },
      { kind: 'Pod', apiVersion: 'v1', metadata: { name: 'c', labels: {} } },
    ]),
    ...more,
  });

describe('custom models', () => {
  it('give what their code says, from attributes that are resolved and typed', async () => {
    expect(await open().resolve('app.menu')).toEqual({ name: 'chestnut', price: '2 EUR' });
  });

  it('name descriptor, attribute, file and line when an attribute does not suit', async () => {
    await expect(open().resolve('app.dear')).rejects.toMatchObject({
      code: 'descriptor_failed',
      publicMessage: expect.stringMatching(
        /"app\.dear", attribute "price" \(descriptors\/app\.yaml:\d+\): .*expected number/,
      ),
    });
    await expect(open().resolve('app.broken')).rejects.toMatchObject({
      code: 'descriptor_failed',
      publicMessage: expect.stringContaining('the code of MenuSupplier failed: the freezer is open'),
    });
  });

  it('validate what is typed, with a reason of their own unless the descriptor has one', async () => {
    expect(await open().validateVariable('flavour', 'chestnut')).toEqual({ status: 'valid', message: null });
    expect(await open().validateVariable('flavour', 'lemon')).toEqual({
      status: 'error',
      message: 'no lemon in winter',
    });
    expect(await open().resolve('app.never')).toBe(false);
    expect(await open().resolve('app.never', 'reason')).toBe('because we say so');
  });

  it('plan: variables first, secret ones apart, then steps; later actions read what they give', async () => {
    const { status, plan, progress } = await open().planAction('app.make');
    expect(status).toBe('ready');
    expect(plan?.steps).toEqual([
      expect.objectContaining({ kind: 'variables', merge: { 'stock.litres': 7 } }),
      expect.objectContaining({ kind: 'variables', merge: { 'stock.code': 'hush' }, secret: true }),
      expect.objectContaining({ kind: 'scale', replicas: 2, ref: expect.objectContaining({ name: 'churn' }) }),
      expect.objectContaining({ kind: 'variables', merge: { last: 7 } }),
    ]);
    expect(progress.sub_items[0]?.logs).toContain('pouring 7 litres');
  });

  it('fail by a type that remediation options match', async () => {
    const { status, error, progress, plan } = await open().planAction('app.too-much');
    expect({ status, plan }).toEqual({ status: 'negative', plan: undefined });
    expect(error).toMatchObject({ type: 'too_much', reason: 'there is no such bucket', extras: { litres: 101 } });
    expect(progress.error?.remediation_options).toEqual([expect.objectContaining({ title: 'Pour less' })]);
  });

  it('end negative when their plan or their attributes are not valid, and change nothing', async () => {
    expect((await open().planAction('app.invalid')).error).toMatchObject({
      type: 'invalid_plan',
      reason: expect.stringContaining('Step 1 of the plan that ChurnAction made is not valid: replicas'),
    });
    expect(await open().planAction('app.no-litres')).toMatchObject({ status: 'negative' });
  });

  it('are known to the linter by the same schemas', () => {
    const [finding] = lintBundle(files('{ kind: InSeasonPredicate, id: app.x, season: spring }'), { models });
    expect(finding).toMatchObject({ severity: 'error', message: expect.stringContaining('season') });
    expect(lintBundle(files('{ kind: InSeasonPredicat, id: app.x }'), { models })[0]).toMatchObject({
      suggestion: 'Did you mean "InSeasonPredicate"?',
    });
    expect(lintBundle(files(descriptors), { models })).toEqual([]);
  });

  it('cannot take the name of a kind of the SDK', () => {
    const mine = defineSupplier({ kind: 'SumSupplier', info: '', attributes: {}, supply: () => 1 });
    expect(() => loadBundle(files('{ kind: Supplier, id: a }'), { models: [mine] })).toThrow(/two kinds "SumSupplier"/);
  });
});

describe('a secret variable', () => {
  it('is never shown, only that it is set', async () => {
    const [, code] = await open().variables();
    expect(code).toMatchObject({ id: 'stock.code', value: null, is_secret: true });
    expect(code?.assignments.map(({ is_present, value }) => [is_present, value])).toEqual([
      [false, null],
      [false, null],
      [false, null],
      [true, null],
    ]);
  });

  it('stays out of the ConfigMap when the whole space is written', async () => {
    const action = { kind: 'UpdateLastCheckedAction', id: 'x' };
    const { plan } = await open().planAction(action);
    expect(plan?.steps).toHaveLength(1);
    const text = JSON.stringify(plan);
    expect(text).toContain('EUR');
    expect(text).not.toContain('old');
  });
});
