import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it, vi } from 'vitest';
import { parse } from 'yaml';
import { describeWith } from '../../../libs/testing/needs.js';
import { agentConfig } from '../src/config.js';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../../..');
const folder = '/var/run/secrets/kubernetes.io/serviceaccount';

interface Service {
  readonly command: string[];
  readonly environment: Record<string, string>;
  readonly volumes: string[];
}

/** The profile's service as compose itself reads it. */
async function agentService(env: Record<string, string>): Promise<Service> {
  const wanted = { NM_APP_PASSWORD: 'x', NM_MASTER_KEY: 'x', POSTGRES_PASSWORD: 'x', PATH: process.env['PATH'] ?? '' };
  const args = ['-f', join(root, 'docker-compose.yml'), '--profile', 'agent', 'config'];
  const { stdout } = await run('docker-compose', args, { cwd: root, env: { ...wanted, ...env } });
  return parse(stdout).services.agent;
}

describeWith(['compose'], 'the profile "agent" of docker-compose.yml', () => {
  vi.setConfig({ testTimeout: 180_000 });
  it('gives the agent everything that it asks for, with an authority of its own for wss', async () => {
    const { environment, volumes, command } = await agentService({
      NM_PUBLIC_AGENT_URL: 'wss://agents.example',
      NM_AGENT_TOKEN: 'nma_token',
      NM_AGENT_CA_FILE: `${folder}/nmachine.crt`,
      NM_AGENT_SERVER: 'https://kube.example',
      NM_AGENT_KUBE_HOST: '10.0.0.5',
      NM_AGENT_KUBE_PORT: '16443',
      NM_AGENT_KUBE_DIR: '/srv/agent',
    });
    const config = agentConfig(environment);
    expect(config).toMatchObject({
      url: 'wss://agents.example',
      caFile: `${folder}/nmachine.crt`,
      server: 'https://kube.example',
      apiServer: { host: '10.0.0.5', port: 16_443 },
      kubeTokenFile: `${folder}/token`,
      kubeCaFile: `${folder}/ca.crt`,
    });
    expect(config.token()).toBe('nma_token');
    expect(volumes).toEqual([`/srv/agent:${folder}:ro`]);
    expect(command).toEqual(['node', 'dist/apps/agent/src/main.js']);
  });

  it('trusts the system’s authorities when none is named, and says what is missing without a token', async () => {
    const { environment } = await agentService({ NM_AGENT_TOKEN: 'nma_token' });
    expect(agentConfig(environment).caFile ?? '').toBe('');
    const { environment: bare } = await agentService({});
    expect(() => agentConfig(bare)).toThrow(/NM_AGENT_TOKEN/);
  });
});
