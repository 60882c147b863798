import { inspect } from 'node:util';
import { Fault } from '@nm/kernel/fault';
import { describe, expect, it } from 'vitest';
import { commonConfig, loadConfig } from './load-config.js';
import { Secret } from './secret.js';

const masterKey = Buffer.alloc(32, 1).toString('base64');
const good = { NM_DATABASE_URL: 'postgresql://u:hunter2@h/d', NM_MASTER_KEY: masterKey };

const messageOf = (env: Record<string, string>): string => {
  try {
    loadConfig(commonConfig, env);
  } catch (error) {
    if (error instanceof Fault) return error.publicMessage;
  }
  return 'accepted';
};

describe('loadConfig', () => {
  it('reports every bad variable at once', () => {
    const message = messageOf({ NM_OPS_PORT: '99999', NM_LOG_LEVEL: 'loud' });
    for (const name of ['NM_DATABASE_URL', 'NM_OPS_PORT', 'NM_LOG_LEVEL']) expect(message).toContain(name);
  });

  it('treats an empty variable as absent', () => {
    expect(loadConfig(commonConfig, { ...good, NM_REDIS_URL: '' }).redisUrl).toBeUndefined();
  });

  it('says how to make a master key, and refuses one of another length', () => {
    expect(messageOf({ NM_DATABASE_URL: 'x' })).toContain('openssl rand -base64 32');
    expect(messageOf({ ...good, NM_MASTER_KEY: 'c2hvcnQ=' })).toContain('it is 5');
    expect(messageOf({ NM_DATABASE_URL: 'x', NM_MASTER_KEY_FILE: '/nonexistent' })).toContain('cannot be read');
  });

  it('never prints a secret', () => {
    const config = loadConfig(commonConfig, good);
    for (const text of [JSON.stringify(config), inspect(config, { depth: 9 }), String(config.databaseUrl)]) {
      expect(text).not.toContain('hunter2');
      expect(text).not.toContain(masterKey);
    }
    expect(config.databaseUrl.reveal()).toContain('hunter2');
    expect(new Secret('x').toJSON()).toBe('[secret]');
  });
});
