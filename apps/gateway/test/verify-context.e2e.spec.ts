import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ContextKeys, tendSigningKeys } from '@nm/features/context';
import { newId } from '@nm/kernel/ids';
import { FakeClock } from '@nm/kernel/time';
import { decodeProtectedHeader } from 'jose';
import request from 'supertest';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { describeWith } from '../../../libs/testing/needs.js';
import { bearer, openStage, type Stage, startUpstream, type Upstream } from './fixture.js';
import { issue, makeTenant, setInstance, type Tenant } from './tenant.js';

const guide = readFileSync(new URL('../../../docs/guides/verify-context.md', import.meta.url), 'utf8');
const blockOf = (language: string): string =>
  new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``).exec(guide)?.[1] ?? '';
const root = new URL('../../../', import.meta.url).pathname;

/** A gateway whose time we move, so that keys can rotate within a test. */
async function openWorld(onRequest: (token: string) => Promise<void>) {
  // Verifiers have clocks of their own, so this one starts at their time.
  const clock = new FakeClock(Date.now());
  const stage: Stage = await openStage({ clock });
  const upstream: Upstream = await startUpstream((call, response) => {
    onRequest(String(call.headers['nm-context'])).then(
      () => response.end('ok'),
      (error: unknown) => response.writeHead(401).end(String(error)),
    );
  });
  const tenant: Tenant = await makeTenant(stage.database.db, 'acme');
  await setInstance(stage.database.db, tenant, { address: upstream.address });
  const { db } = stage.database;
  const keys = await ContextKeys.open({ db, vault: stage.vault, clock });
  const close = async (): Promise<void> => {
    await stage.close();
    await upstream.close();
  };
  return { clock, stage, tenant, keys, close, rotate: () => tendSigningKeys({ db, vault: stage.vault, clock }, 0) };
}

describe('the verifier of the guide, in TypeScript', () => {
  let world: Awaited<ReturnType<typeof openWorld>>;
  let verify: (header: string | undefined) => Promise<unknown> = async () => undefined;
  const kids = new Set<string>();
  const folder = join(root, 'node_modules/.cache/nm-guide');
  const file = join(folder, `verify-${newId('request')}.mjs`);

  beforeAll(async () => {
    world = await openWorld(async (token) => {
      await verify(token);
      kids.add(decodeProtectedHeader(token).kid ?? '');
    });
    process.env['NM_JWKS_URL'] = `${world.stage.url}/.well-known/jwks.json`;
    process.env['NM_APP_ID'] = world.tenant.appId;
    mkdirSync(folder, { recursive: true });
    writeFileSync(file, stripTypeScriptTypes(blockOf('ts')));
    verify = (await import(file)).verifyContext;
  });
  afterAll(async () => {
    rmSync(file, { force: true });
    await world.close();
  });

  it('refuses no request while keys rotate twice under load', async () => {
    const { key } = await issue(world.stage.database.db, world.stage.vault, world.tenant);
    const refused: string[] = [];
    let requests = 0;
    let stopped = false;
    const load = Array.from({ length: 4 }, async () => {
      while (!stopped) {
        const answer = await request(world.stage.url).get('/kama/acme/guestbook/x').set(bearer(key));
        requests++;
        if (answer.status !== 200) refused.push(`${answer.status} ${answer.text}`);
      }
    });
    for (let rotation = 0; rotation < 2; rotation++) {
      await world.rotate();
      for (let step = 0; step < 80; step++) {
        await world.clock.advance(5_000);
        // Time must not run away from the gateway's looks at the store, or it rightly trusts nothing any more: a slow machine takes its time.
        const answered = requests + load.length;
        await world.stage.database.db.asSystem((tx) => tx.signingKey.count());
        await vi.waitFor(() => expect(requests).toBeGreaterThanOrEqual(answered), { timeout: 30_000, interval: 5 });
        await new Promise((resolve) => setTimeout(resolve, 25));
      }
    }
    stopped = true;
    await Promise.all(load);
    expect(refused).toEqual([]);
    expect(kids.size).toBeGreaterThanOrEqual(3);
  });

  it('refuses what is forged, for another app, without a signature, or no token at all', async () => {
    const claims = {
      aud: ['app_other'],
      sub: 'lic_1',
      org: 'acme',
      orgId: 'org_1',
      app: 'guestbook',
      appId: 'app_other',
      version: '1',
      versionId: 'ver_1',
      mode: 'full' as const,
      entitlements: {},
    };
    const foreign = await world.keys.sign(claims);
    const good = await world.keys.sign({ ...claims, aud: [world.tenant.appId] });
    const [head, body, signature] = good.split('.') as [string, string, string];
    const none = Buffer.from(JSON.stringify({ alg: 'none', typ: 'nm-context+jwt' })).toString('base64url');
    const flipped = `${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`;
    for (const bad of [undefined, '', 'a.b.c', foreign, `${head}.${body}.${flipped}`, `${none}.${body}.`])
      await expect(verify(bad)).rejects.toThrow();
  });
});

describeWith(['python'], 'the verifier of the guide, in Python', () => {
  it('takes a gateway’s token, and no other', async () => {
    const world = await openWorld(async () => undefined);
    try {
      const claims = {
        sub: 'lic_1',
        org: 'acme',
        orgId: 'org_1',
        app: 'guestbook',
        appId: world.tenant.appId,
        version: '1',
        versionId: 'ver_1',
        mode: 'full' as const,
        entitlements: {},
      };
      const good = await world.keys.sign({ ...claims, aud: [world.tenant.appId, 'nm-install'] });
      const foreign = await world.keys.sign({ ...claims, aud: ['app_other'] });
      const [head, body, signature] = good.split('.') as [string, string, string];
      const old = new FakeClock(Date.now() - 3_600_000);
      const early = await ContextKeys.open({ db: world.stage.database.db, vault: world.stage.vault, clock: old });
      const expired = await early.sign({ ...claims, aud: [world.tenant.appId] });
      const none = Buffer.from(JSON.stringify({ alg: 'none', typ: 'nm-context+jwt' })).toString('base64url');
      const flipped = `${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`;
      const tokens = [good, foreign, expired, `${head}.${body}.${flipped}`, `${none}.${body}.`, 'a.b.c', ''];
      const harness = `
import sys
for token in sys.argv[1:]:
    try:
        print("ok", verify_context(token)["sub"])
    except Exception as error:
        print("refused")
`;
      const { stdout } = await promisify(execFile)('python3', ['-c', blockOf('python') + harness, ...tokens], {
        env: {
          ...process.env,
          NM_JWKS_URL: `${world.stage.url}/.well-known/jwks.json`,
          NM_APP_ID: world.tenant.appId,
        },
      });
      expect(stdout.trim().split('\n')).toEqual(['ok lic_1', ...tokens.slice(1).map(() => 'refused')]);
    } finally {
      await world.close();
    }
  });
});
