import { Environment } from '@marcbachmann/cel-js';
import { get, parseTimestamp, timestampGetters, Zone } from './cel-time.js';
import { networkOf, Pattern } from './cel-values.js';
import { CustomerVars, InstallVars, LicenceVars, PlanVars, RequestVars } from './cel-variables.js';
import { Network, parseAddress } from './ip-network.js';

const timestamp = 'google.protobuf.Timestamp';
const entries = 'map<string, dyn>';

/** The fields of each variable that has some, with their CEL types. */
export const fields = {
  licence: {
    id: 'string',
    state: 'string',
    trial: 'bool',
    perpetual: 'bool',
    starts_at: timestamp,
    expires_at: timestamp,
    full_until: timestamp,
    ends_at: timestamp,
  },
  plan: { slug: 'string', entitlements: entries, limits: entries },
  customer: { id: 'string', name: 'string' },
  install: { id: 'string', cluster_id: 'string', namespace: 'string' },
  request: { method: 'string', path: 'string', route_class: 'string', address: 'string' },
} as const;

/** The names that expressions may use. */
export const variableNames: ReadonlySet<string> = new Set([...Object.keys(fields), 'version', 'channel', 'now']);

/**
 * Our own functions carry this prefix behind the scenes: some replace the evaluator's (its `matches` backtracks, its zone arithmetic depends on the
 * machine's own zone), and none may be reached by a name that `cel-admit.ts` doesn't list.
 */
export const ownPrefix = 'nm_';

const sync = { async: false } as const;

function withFunctions(env: Environment): Environment {
  env.registerFunction(`string.${ownPrefix}matches(Pattern): bool`, (text: string, p: Pattern) => p.test(text), sync);
  env.registerFunction(`string.${ownPrefix}inCidr(Network): bool`, isIn, sync);
  env.registerFunction(`string.${ownPrefix}inCidr(string): bool`, isInText, sync);
  env.registerFunction(`string.${ownPrefix}lowerAscii(): string`, lowerAscii, sync);
  env.registerFunction(`${ownPrefix}timestamp(string): ${timestamp}`, timestampOf, sync);
  for (const part of timestampGetters) {
    env.registerFunction(`${timestamp}.${ownPrefix}${part}(): int`, (at: Date) => BigInt(get(part, at)), sync);
    env.registerFunction(
      `${timestamp}.${ownPrefix}${part}(Zone): int`,
      (at: Date, zone: Zone) => BigInt(get(part, zone.wallOf(at))),
      sync,
    );
  }
  return env;
}

function isIn(text: string, network: Network): boolean {
  const address = parseAddress(text);
  if (!address) throw new RangeError('not an IP address');
  return network.contains(address);
}

function isInText(text: string, block: string): boolean {
  const network = networkOf(block);
  if (typeof network === 'string') throw new RangeError(network);
  return isIn(text, network);
}

function timestampOf(text: string): Date {
  const instant = parseTimestamp(text);
  if (!instant) throw new RangeError('not a timestamp');
  return instant;
}

const lowerAscii = (text: string): string => text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());

/** The environment of access rules: the variables that exist, their types, and the functions that may be called. */
export const environment: Environment = withFunctions(
  new Environment({
    homogeneousAggregateLiterals: false,
    limits: { maxAstNodes: 500, maxDepth: 24, maxListElements: 100, maxMapEntries: 0, maxCallArguments: 2 },
  })
    .registerType('Licence', { ctor: LicenceVars, fields: fields.licence })
    .registerType('Plan', { ctor: PlanVars, fields: fields.plan })
    .registerType('Customer', { ctor: CustomerVars, fields: fields.customer })
    .registerType('Install', { ctor: InstallVars, fields: fields.install })
    .registerType('Request', { ctor: RequestVars, fields: fields.request })
    .registerType('Pattern', { ctor: Pattern, fields: {} })
    .registerType('Network', { ctor: Network, fields: {} })
    .registerType('Zone', { ctor: Zone, fields: {} })
    .registerVariable('licence', 'Licence')
    .registerVariable('plan', 'Plan')
    .registerVariable('customer', 'Customer')
    .registerVariable('install', 'Install')
    .registerVariable('request', 'Request')
    .registerVariable('version', 'string')
    .registerVariable('channel', 'string')
    .registerVariable('now', timestamp),
);
