import childProcess from 'node:child_process';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import net from 'node:net';
import { Fault } from '@nm/kernel/fault';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { selfSigned } from '../../../testing/certificates.js';
import { clusterFields, userFields } from './fields.js';
import { parseKubeconfig } from './parse-kubeconfig.js';
import { invalidKubeconfigs, type Pairs, refusedKubeconfigs } from './test/hostile-kubeconfigs.js';

const touched: string[] = [];
const restores: (() => void)[] = [];

/** Replaces a function of a core module, for importers too, by one that says that it was called. */
function trap(module: object, names: readonly string[]): void {
  const functions = module as Record<string, unknown>;
  for (const name of names) {
    const original = functions[name];
    functions[name] = (...args: unknown[]) => {
      touched.push(`${name}(${String(args[0])})`);
      throw new Error(`${name} was called`);
    };
    restores.push(() => (functions[name] = original));
  }
}

const field = fc.oneof(
  fc.constantFrom('/etc/passwd', 'sh', 'https://k8s.example.com', '', 'dG9rZW4=', '../x', '`id`', '$(id)', 'file:///x'),
  fc.string(),
  fc.integer(),
  fc.boolean(),
  fc.constant(null),
  fc.dictionary(fc.constantFrom('command', 'args', 'name', 'config', '__proto__'), fc.string(), { maxKeys: 3 }),
);
const fieldsOf = (names: readonly string[]) =>
  fc.dictionary(fc.oneof(fc.constantFrom(...names, '__proto__', 'constructor'), fc.string()), field, { maxKeys: 8 });
const kubeconfigs = fc.record({
  'current-context': fc.constantFrom('c', 'd', ''),
  clusters: fc.array(fc.record({ name: fc.constantFrom('k', 'l'), cluster: fieldsOf(Object.keys(clusterFields)) }), {
    maxLength: 2,
  }),
  users: fc.array(fc.record({ name: fc.constantFrom('u', 'v'), user: fieldsOf(Object.keys(userFields)) }), {
    maxLength: 2,
  }),
  contexts: fc.constant([{ name: 'c', context: { cluster: 'k', user: 'u' } }]),
});

describe('parseKubeconfig, whatever it is given,', () => {
  let pairs: Pairs;
  beforeAll(async () => {
    pairs = { pair: await selfSigned('admin'), otherPair: await selfSigned('other') };
    trap(fs, [
      'open',
      'openSync',
      'readFile',
      'readFileSync',
      'createReadStream',
      'stat',
      'statSync',
      'existsSync',
      'writeFileSync',
    ]);
    trap(fs.promises, ['open', 'readFile', 'stat', 'access']);
    trap(childProcess, ['spawn', 'spawnSync', 'exec', 'execSync', 'execFile', 'execFileSync', 'fork']);
    trap(net, ['connect', 'createConnection']);
    syncBuiltinESMExports();
  });
  afterAll(() => {
    for (const restore of restores) restore();
    syncBuiltinESMExports();
  });

  const parse = (text: string): Fault | undefined => {
    try {
      parseKubeconfig(text);
      return undefined;
    } catch (error) {
      if (error instanceof Fault) return error;
      throw error;
    }
  };

  it('opens no file, starts no program, dials nothing, and fails only with its own faults', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          kubeconfigs.map((config) => stringify(config)),
          fc.string({ maxLength: 500 }),
        ),
        (text) => {
          const fault = parse(text);
          expect(touched).toEqual([]);
          if (fault) expect(['kubeconfig_invalid', 'kubeconfig_refused']).toContain(fault.code);
        },
      ),
      { numRuns: 500 },
    );
  });

  it.each([...refusedKubeconfigs, ...invalidKubeconfigs])('nor for the hostile ones: %s', async (_name, text) => {
    expect(parse(text(pairs))).toBeInstanceOf(Fault);
    // Nothing comes later either.
    await new Promise(setImmediate);
    expect(touched).toEqual([]);
  });

  it('the traps work', () => {
    expect(() => fs.readFileSync('/etc/hostname')).toThrow('was called');
    expect(() => childProcess.spawn('true')).toThrow('was called');
    expect(touched).toHaveLength(2);
    touched.length = 0;
  });
});
