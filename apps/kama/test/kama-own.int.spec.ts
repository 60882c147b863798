import { afterAll, beforeAll, describe } from 'vitest';
import { driveRuns } from './conformance/drive-runs.js';
import { kamaConformance } from './conformance/kama-conformance.js';
import { everything, guestbook } from './driven-apps.js';
import { ownKama } from './serve-own.js';

const startMs = 120_000;

describe.each([
  ['guestbook', guestbook],
  ['an app with everything', everything],
] as const)('%s in a process of its own, as a prototype', (_name, { folder, driven }) => {
  let server: Awaited<ReturnType<typeof ownKama>>;
  beforeAll(async () => {
    server = await ownKama(folder, {});
  }, startMs);
  afterAll(() => server?.close());

  kamaConformance(() => ({ baseUrl: server.url, headers: {} }), driven);
  driveRuns(() => ({ baseUrl: server.url, headers: {} }));
});
