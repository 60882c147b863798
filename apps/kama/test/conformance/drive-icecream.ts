import { beforeAll, describe, expect, it } from 'vitest';
import { KamaClient } from './kama-client.js';
import type { DrivenKama } from './kama-conformance.js';

const settledMs = 180_000;
const password = 'three cold scoops';

/** driveIcecream works with the example that has code, a chart, a secret and a plugin, over HTTP only, wherever it runs. It wants a fresh install, on a cluster whose pods get ready. */
export function driveIcecream(target: () => DrivenKama): void {
  let kama: KamaClient;
  const commit = async (assignments: object) => {
    const { body } = await kama.post('/api/variables/commit-apply', { assignments });
    return kama.settled(body.data?.job_id, settledMs);
  };

  describe('icecream, as its clients see it', () => {
    beforeAll(() => {
      const { baseUrl, headers } = target();
      kama = new KamaClient(baseUrl, headers);
    });

    it('has options and validators in code', async () => {
      expect(await kama.data('/api/variables/detail/shop.flavour')).toMatchObject({
        value: 'vanilla',
        options: [
          { id: 'vanilla', title: 'Vanilla' },
          { id: 'lemon', title: 'Lemon' },
        ],
      });
      const { body } = await kama.post('/api/variables/detail/shop.flavour/validate', { value: 'chestnut' });
      expect(body.data).toEqual({ status: 'error', message: 'There is no chestnut in summer' });
    });

    it('applies what its chart renders, and waits until it runs', async () => {
      const job = await commit({ 'shop.flavour': 'lemon' });
      expect(job.status, JSON.stringify(job)).toBe('positive');
      expect((await kama.data('/api/variables/detail/shop.flavour')).value).toBe('lemon');
    }, 240_000);

    it('refuses with the words of its chart', async () => {
      const job = await commit({ 'shop.flavour': '' });
      expect(job.status).toBe('negative');
      expect(JSON.stringify(job.progress)).toContain('shop.flavour must be set');
    });

    it('takes a secret, and never shows it', async () => {
      const at = '/api/operations/app.operation.set-password';
      const ost = { Ostid: (await kama.post(`${at}/generate-ost`)).body.data as string };
      const values = { 'till.password': password };
      const { body } = await kama.post(`${at}/steps/password/run`, { values }, ost);
      const job = await kama.settled(body.data?.job_id, settledMs);
      expect(job.status, JSON.stringify(job)).toBe('positive');
      expect(await kama.data('/api/variables/detail/till.password')).toMatchObject({ value: null, is_secret: true });
      expect(JSON.stringify(await kama.data('/api/variables/all'))).not.toContain('scoops');
    }, 240_000);

    it('runs an action in code that looked at the cluster', async () => {
      const { body } = await kama.post('/api/actions/app.action.churn/run');
      const job = await kama.settled(body.job_id, settledMs);
      expect(job.status, JSON.stringify(job)).toBe('positive');
    });

    it('has a plugin with a space and an engine of its own', async () => {
      const [topping] = await kama.data('/api/variables/all?space=acme.toppings');
      expect(topping).toMatchObject({ id: 'topping', value: 'sprinkles', config_space: 'acme.toppings' });
      const { body } = await kama.post('/api/actions/toppings.action.apply/run');
      expect((await kama.settled(body.job_id, settledMs)).status).toBe('positive');
    });

    it('shows a table of the resources of its install', async () => {
      expect(JSON.stringify(await kama.data('/api/view_specs/tables/app.view.freezers/compute'))).toContain('1 of 1');
    });
  });
}
