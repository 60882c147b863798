import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kinds, type RunningEngine, startEngine } from './engines.js';
import { cutsOf, runExchange } from './run-exchange.js';
import { ScriptedUpstream } from './scripted-upstream.js';
import { themes } from './tables/index.js';
import { asKnown, expectedOf, mayCut, weakRowsOf } from './weaknesses.js';

const names = Object.entries(themes).flatMap(([theme, rows]) => rows.map(({ name }) => `${theme}: ${name}`));

it('holds at least 150 exchanges, each under a name of its own', () => {
  expect(names.length).toBeGreaterThanOrEqual(150);
  expect(new Set(names).size).toBe(names.length);
  for (const kind of kinds) expect(names).toEqual(expect.arrayContaining(weakRowsOf(kind)));
});

describe.each(kinds)('raw exchanges through %s, cut at every byte', (kind) => {
  let upstream: ScriptedUpstream;
  let engine: RunningEngine;
  beforeAll(async () => {
    upstream = await ScriptedUpstream.start();
    engine = await startEngine(kind, () => upstream.origin);
  });
  afterAll(async () => {
    await engine.close();
    await upstream.close();
  });

  describe.each(Object.keys(themes))('%s', (theme) => {
    it.each(themes[theme] ?? [])('$name', { timeout: 120_000 }, async (row) => {
      const expected = expectedOf(theme, row, kind);
      for (const cuts of mayCut(theme, row, kind) ? cutsOf(row) : [[]]) {
        const met = await runExchange(row, expected, { port: engine.port, upstream }, cuts);
        const cut = `cut at ${cuts.length > 1 ? 'every byte' : cuts.join() || 'no byte'}`;
        expect(asKnown(met, kind), cut).toEqual(asKnown(expected, kind));
      }
    });
  });
});
