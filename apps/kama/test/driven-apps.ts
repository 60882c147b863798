import { join } from 'node:path';
import type { DrivenApp } from './conformance/kama-conformance.js';

const examples = join(import.meta.dirname, '../../../examples');

const resize = (nextStep: string): Omit<DrivenApp, 'check'> => ({
  variable: { id: 'web.replicas', good: [2, 3], bad: 21 },
  operation: {
    ...{ id: 'app.operation.resize', step: 'size', nextStep },
    ...{ plain: { 'web.replicas': 3 }, shows: { 'web.replicas': 6 } },
    hidden: { field: 'why', good: 'Black Friday', bad: '' },
  },
});

/** The example of a bundle, as the conformance suite drives it. */
export const guestbook = {
  folder: join(examples, 'guestbook-bundle'),
  driven: { ...resize('done'), check: 'app.predicate.page-runs' } satisfies DrivenApp,
};

/** An app that has something of every kind. */
export const everything = {
  folder: join(import.meta.dirname, 'everything'),
  driven: { ...resize('contact'), check: 'app.predicate.true' } satisfies DrivenApp,
};
