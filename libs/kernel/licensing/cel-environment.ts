import { Environment } from '@marcbachmann/cel-js';
import { CustomerVars, InstallVars, LicenceVars, PlanVars, RequestVars } from './cel-variables.js';

const timestamp = 'google.protobuf.Timestamp';

/** The environment of access rules: the variables that exist, their types, and the functions that may be called. */
export const environment: Environment = new Environment({ homogeneousAggregateLiterals: false })
  .registerType('Licence', {
    ctor: LicenceVars,
    fields: {
      id: 'string',
      state: 'string',
      trial: 'bool',
      perpetual: 'bool',
      starts_at: timestamp,
      expires_at: timestamp,
      full_until: timestamp,
      ends_at: timestamp,
    },
  })
  .registerType('Plan', {
    ctor: PlanVars,
    fields: { slug: 'string', entitlements: 'map<string, dyn>', limits: 'map<string, dyn>' },
  })
  .registerType('Customer', { ctor: CustomerVars, fields: { id: 'string', name: 'string' } })
  .registerType('Install', { ctor: InstallVars, fields: { id: 'string', cluster_id: 'string', namespace: 'string' } })
  .registerType('Request', {
    ctor: RequestVars,
    fields: { method: 'string', path: 'string', route_class: 'string', address: 'string' },
  })
  .registerVariable('licence', 'Licence')
  .registerVariable('plan', 'Plan')
  .registerVariable('customer', 'Customer')
  .registerVariable('install', 'Install')
  .registerVariable('version', 'string')
  .registerVariable('channel', 'string')
  .registerVariable('request', 'Request')
  .registerVariable('now', timestamp);
