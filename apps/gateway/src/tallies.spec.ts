import { Counter, Histogram, Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { codeTally, timeTally } from './tallies.js';

const name = 'nm_test_total';
const help = 'Of a test.';

describe('a tally', () => {
  it('tells a counter as prom-client does', async () => {
    const [ours, theirs] = [new Registry(), new Registry()];
    const count = codeTally({ name, help, registry: ours }, 'code');
    const counter = new Counter({ name, help, labelNames: ['code'], registers: [theirs] });
    for (const code of ['a', 'b', 'a']) {
      count(code).count++;
      counter.inc({ code });
    }
    expect(await ours.metrics()).toBe(await theirs.metrics());
    count('b').count++;
    counter.inc({ code: 'b' });
    expect(await ours.metrics()).toBe(await theirs.metrics());
  });

  it('tells a histogram as prom-client does, bounds belonging to the bucket below', async () => {
    const [ours, theirs] = [new Registry(), new Registry()];
    for (const registry of [ours, theirs]) registry.setDefaultLabels({ app: 'test' });
    const bounds = [0.001, 0.01, 1];
    const time = timeTally({ name, help, registry: ours }, bounds);
    const histogram = new Histogram({ name, help, buckets: bounds, registers: [theirs] });
    for (const seconds of [0, 0.001, 0.0011, 0.5, 1, 2, 60]) {
      time(seconds);
      histogram.observe(seconds);
    }
    expect(await ours.metrics()).toBe(await theirs.metrics());
  });
});
