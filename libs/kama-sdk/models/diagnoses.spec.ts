import { describe, expect, it } from 'vitest';
import { loadBundle } from '../descriptors/compile-bundle.js';
import { openSession } from '../session/session.js';
import { aCluster, files } from '../test/fakes.js';
import { aKamafile } from '../test/kamafiles.js';

const bundle = loadBundle(
  files(`
kind: ErrorHandler
id: by-type
property_selector: { type: [apply, template] }
diagnoses: [{ id: general }]
---
kind: ErrorHandler
id: by-type-and-code
property_selector: { type: [apply], code: [denied] }
diagnoses: [{ id: denied }]
---
kind: ErrorHandler
id: by-resource
property_selector: { type: [apply], code: [denied] }
resource_selector: { res_kind: configmap }
diagnoses:
  - { id: holds, predicate: { challenge: 1, check_against: 1 } }
  - { id: does-not, predicate: { challenge: 1, check_against: 2 } }
---
kind: ErrorHandler
id: last-of-equals
property_selector: { type: [apply], code: [denied] }
resource_selector: { res_kind: ConfigMap }
diagnoses: [{ id: last }]
`),
);
const session = openSession(bundle, { kamafile: aKamafile(), namespace: 'shop', cluster: aCluster() });
const diagnose = async (type: string, extras: object = {}) =>
  (await session.upkeep.diagnose({ fatal: true, type, reason: '', logs: [], extras: { ...extras } }))?.map(
    ({ id }) => id,
  );

describe('handlers of errors', () => {
  it('are chosen by what they match: one that does not match is out, the best is taken, the first of equals', async () => {
    expect(await diagnose('template')).toEqual(['general']);
    expect(await diagnose('apply', { code: 'other' })).toEqual(['general']);
    expect(await diagnose('apply', { code: 'denied' })).toEqual(['denied']);
    expect(await diagnose('elsewhere', { code: 'denied' })).toBeUndefined();
  });

  it('take ConfigMap, configmap and configmaps for one kind, and give the diagnoses whose predicate holds', async () => {
    for (const kind of ['ConfigMap', 'configmap', 'configmaps'])
      expect(await diagnose('apply', { code: 'denied', resource_signature: { kind, name: 'web' } })).toEqual(['holds']);
    expect(await diagnose('apply', { code: 'denied', resource_signature: { kind: 'Pod', name: 'web' } })).toEqual([
      'denied',
    ]);
  });
});
