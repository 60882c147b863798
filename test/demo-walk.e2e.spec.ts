import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeWith } from '../libs/testing/needs.js';
import { type DevstackRun, devstackEnv, processesOf, root, startDevstack } from './devstack-process.js';
import { guideBlocks } from './guide-blocks.js';
import { Terminal } from './terminal.js';

/** The manifest that a guide tells its reader to save. */
const firstYamlOf = (guide: string): string =>
  /```yaml\n([\s\S]*?)\n```/.exec(readFileSync(join(root, `docs/guides/${guide}.md`), 'utf8'))?.[1] ?? '';

const readDemo = async (home: string) => JSON.parse(await readFile(join(home, 'demo.json'), 'utf8'));

describeWith(['kubernetes'], 'npm start, walked through as a person would', () => {
  let home: string;
  let devstack: DevstackRun;
  let terminal: Terminal;

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'nm-walk-'));
    devstack = startDevstack(await devstackEnv(home, { NM_RUNTIME_DRIVERS: 'process' }));
    await devstack.shows('The demo cluster is ready', 600_000);
    terminal = new Terminal(root, devstack.env);
  }, 700_000);

  afterAll(async () => {
    terminal?.close();
    await devstack?.ctrlC();
    if (home) await rm(home, { recursive: true, force: true });
  });

  it('prints the addresses, the login, the three keys and commands that name them', async () => {
    const demo = await readDemo(home);
    const output = devstack.output();
    for (const text of [
      demo.gatewayUrl,
      demo.apiUrl,
      demo.publisher.email,
      demo.publisher.password,
      ...Object.values(demo.licences as object),
    ])
      expect(output).toContain(text);
  });

  // What a reader of the guide has at hand: the demo's licence key, and kubectl for their cluster.
  const atHand: Record<string, string> = {
    clusters: [
      'eval "$(npm run -s demo)" && KEY=$ACTIVE KUBECONFIG=$KUBECONFIG_FILE && export KUBECONFIG',
      'export PATH="$(NM_KUBELAB_HOME="$NM_HOME/kubelab" npm run -s kubelab -- exec --name demo -- sh -c \'dirname "$(command -v kubectl)"\'):$PATH"',
      `PROJECT=$PWD && cd "$(mktemp -d)" && cat > nmachine.yaml <<'END'\n${firstYamlOf('clusters')}\nEND`,
    ].join('\n'),
    kubelab: 'cd "$PROJECT" && export NM_KUBELAB_HOME="$NM_HOME/kubelab-guide"',
  };

  const walk = (guide: string) =>
    describe(`docs/guides/${guide}.md`, () => {
      beforeAll(async () => {
        const { output, code } = await terminal.run(atHand[guide] ?? 'true');
        expect(code, output).toBe(0);
      });
      for (const [index, block] of guideBlocks(join(root, `docs/guides/${guide}.md`)).entries()) {
        it(`${index + 1}. ${block.heading || 'set up'}: ${block.script.split('\n')[0]?.slice(0, 60)}`, async () => {
          const { output, code } = await terminal.run(block.script);
          expect(code, output).toBe(0);
          for (const text of block.shows) expect(output).toContain(text);
        });
      }
    });

  walk('first-steps');
  walk('publish');
  walk('kama');

  it('runs one instance of the app, whoever asked and however often', async () => {
    const { output } = await terminal.run(
      'curl -s -H "Authorization: Bearer $TOKEN" $API/v1/orgs/acme/apps/guestbook/instances',
    );
    expect(JSON.parse(output.trim()).data).toHaveLength(1);
  });

  walk('clusters');
  walk('kubelab');

  it('stops every process within ten seconds of Ctrl-C and keeps the data for the next start', async () => {
    const before = await readDemo(home);
    const startedMs = performance.now();
    await devstack.ctrlC();
    const stopMs = performance.now() - startedMs;
    expect(processesOf(home)).toEqual([]);
    expect(stopMs).toBeLessThan(10_000);

    devstack = startDevstack(devstack.env);
    await devstack.shows('Try it');
    expect(await readDemo(home)).toEqual(before);
    const { output } = await terminal.run(`curl -s -H "Authorization: Bearer $ACTIVE" $API/v1/runs`);
    expect(JSON.parse(output.trim()).data.length).toBeGreaterThan(0);
  });
});
