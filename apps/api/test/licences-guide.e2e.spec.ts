import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../libs/testing/test-database.js';
import { Client, makePublisher } from './publisher.js';
import { type StartedApi, startApi } from './start-api.js';

const run = promisify(execFile);
const guide = join(import.meta.dirname, '../../../docs/guides/licences.md');

describe('docs/guides/licences.md', () => {
  let database: TestDatabase;
  let api: StartedApi;
  beforeAll(async () => {
    database = await createTestDatabase();
    api = await startApi({ database });
  });
  afterAll(async () => {
    await api.close();
    await database.close();
  });

  it('its commands work as they stand, one after the other', async () => {
    const acme = await makePublisher(new Client(api.url), 'acme');
    const { body } = await acme.client.post('/v1/orgs/acme/tokens', { name: 'ci', role: 'admin' }).expect(201);
    const blocks = [...readFileSync(guide, 'utf8').matchAll(/^```bash\n([\s\S]*?)^```$/gm)].map(([, script]) => script);
    expect(blocks.length).toBeGreaterThan(6);
    const env = { PATH: '/usr/bin:/bin', API: api.url, ORG: 'acme', APP: 'guestbook', TOKEN: body.token };
    const { stdout } = await run('bash', ['-euo', 'pipefail', '-c', blocks.join('\n')], { env, timeout: 60_000 });
    for (const shown of ['"trial":true', '"converted"', '"renewed"', '"subject":"ann@globex.example"', '"Ed25519"'])
      expect(stdout).toContain(shown);
    expect(stdout).toContain('"refusal":"payment_required"');
  });
});
