import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EngineKind } from '../../engine.js';
import { kinds, type RunningEngine, startEngine } from './engines.js';
import type { Exchange } from './exchange-row.js';
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

it.each(kinds)('has at least 150 of them cut at each of their bytes, on %s', (kind) => {
  const all = Object.entries(themes).flatMap(([theme, rows]) =>
    rows.filter((row) => row.around === undefined && mayCut(theme, row, kind)),
  );
  expect(all.length).toBeGreaterThanOrEqual(150);
  for (const row of all) {
    const sent = typeof row.send === 'string' ? row.send : row.send[0];
    const bytes = row.split === 'request' ? sent : row.replies[0]?.bytes;
    expect(cutsOf(row)).toHaveLength(1 + Math.max(0, (bytes?.length ?? 0) - 1) + 1);
  }
});

/** `net-events` has the parser of `net`, so that one cut everywhere shows all that can be different. */
const cutsFor = (kind: EngineKind, row: Exchange): number[][] =>
  kind === 'net-events' ? [[], ...cutsOf(row).slice(-1)] : cutsOf(row);

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
      for (const cuts of mayCut(theme, row, kind) ? cutsFor(kind, row) : [[]]) {
        const met = await runExchange(row, expected, { port: engine.port, upstream }, cuts);
        const cut = `cut at ${cuts.length > 1 ? 'every byte' : cuts.join() || 'no byte'}`;
        expect(asKnown(met, kind), cut).toEqual(asKnown(expected, kind));
      }
    });
  });
});
