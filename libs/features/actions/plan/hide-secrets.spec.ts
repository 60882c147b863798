import { Vault } from '@nm/adapters/vault';
import { RunPlan } from '@nm/kernel/contracts';
import { describe, expect, it } from 'vitest';
import { hideSecrets } from './hide-secrets.js';
import { openedPlan, storedPlan } from './sealed-plan.js';

const container = {
  name: 'main',
  image: 'x',
  env: [
    { name: 'DB_PASSWORD', value: 'S-env' },
    { name: 'TIER', value: 'gold' },
  ],
};
const secret = {
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'db' },
  stringData: { p: 'S-string' },
  data: { q: 'Uy1kYXRh' },
};
const pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p' },
  spec: { volumes: [{ secret: { secretName: 'db' } }], containers: [container] },
};
const restart = { kind: 'restart', title: 'r', ref: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' } };
const plan = RunPlan.parse({
  steps: [
    { kind: 'apply', title: 'a', manifests: [secret, pod] },
    {
      kind: 'group',
      title: 'g',
      steps: [
        {
          kind: 'patch',
          title: 'p',
          ref: { apiVersion: 'v1', kind: 'Secret', name: 'db' },
          patch: { stringData: { x: 'S-patch' } },
        },
      ],
    },
    {
      kind: 'variables',
      title: 'v',
      secret: true,
      merge: { any: { deep: ['S-var', 7], from: { $from: 'steps.call.body' } } },
    },
    { kind: 'variables', title: 'v', set: { 'db.password': 'S-named', tier: 'gold' } },
    {
      kind: 'http-request',
      title: 'h',
      id: 'call',
      url: 'https://x.test/',
      headers: { Authorization: 'Bearer S-head' },
      body: { apiKey: 'S-body' },
    },
    { kind: 'exec', title: 'e', pod: { name: 'p' }, command: ['cat'], stdin: 'S-stdin' },
    { kind: 'run-pod', title: 'r', image: 'x', command: ['x'], env: { API_TOKEN: 'S-podenv', TIER: 'gold' } },
    { ...restart, undo: [{ kind: 'apply', title: 'u', manifests: [{ ...secret, stringData: { p: 'S-undo' } }] }] },
    {
      kind: 'run-action',
      title: 'n',
      action: 'n',
      plan: { steps: [{ kind: 'apply', title: 'a', manifests: [{ ...secret, stringData: { p: 'S-child' } }] }] },
    },
  ],
});
const planted = ['env', 'string', 'patch', 'var', 'named', 'body', 'stdin', 'podenv', 'undo', 'child'].map(
  (name) => `S-${name}`,
);

describe('hideSecrets', () => {
  const found: string[] = [];
  const shown = hideSecrets(plan, (value, encoded) =>
    found.push(encoded ? Buffer.from(value, 'base64').toString() : value),
  );

  it('hides every secret value, wherever it stands in the plan, and tells of it', () => {
    expect(JSON.stringify(shown)).not.toMatch(/S-|Uy1kYXRh/);
    for (const value of [...planted, 'S-data', 'Bearer S-head', '7']) expect(found).toContain(value);
  });

  it('leaves the rest, the names of Secrets and references included; it is still a plan by its form', () => {
    const text = JSON.stringify(shown);
    for (const kept of [
      '"secretName":"db"',
      '"tier":"gold"',
      '"value":"gold"',
      '"$from":"steps.call.body"',
      '"name":"db"',
    ])
      expect(text).toContain(kept);
    expect(RunPlan.safeParse(shown).success).toBe(true);
  });
});

describe('a plan with secrets', () => {
  const vault = new Vault(Buffer.alloc(32, 7));

  it('opens as it was made, in its own row and in no other; one without is not sealed', async () => {
    const stored = await storedPlan(vault, plan, ['run', 'org_1', 'run_1']);
    expect(JSON.stringify(stored.plan)).not.toContain('S-');
    expect(Buffer.from(stored.sealedPlan ?? []).toString('latin1')).not.toContain('S-');
    expect(await openedPlan(vault, stored, ['run', 'org_1', 'run_1'])).toEqual(plan);
    await expect(openedPlan(vault, stored, ['run', 'org_1', 'run_2'])).rejects.toMatchObject({ code: 'seal_broken' });
    const harmless = RunPlan.parse({ steps: [restart] });
    expect(await storedPlan(vault, harmless, ['run', 'org_1', 'run_1'])).toEqual({ plan: harmless, sealedPlan: null });
  });
});
