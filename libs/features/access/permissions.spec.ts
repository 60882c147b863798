import { Role } from '@nm/kernel/contracts';
import { describe, expect, it } from 'vitest';
import { type Action, may, mayGrant, rolesFor } from './permissions.js';

const allowed = (action: Action) => Role.options.filter((role) => may(role, action)).sort();

describe('permissions', () => {
  it('lets every member read, and nobody below admin govern', () => {
    for (const action of ['org.read', 'apps.read', 'licences.read', 'customers.read', 'plans.read'] as const)
      expect(allowed(action)).toEqual([...Role.options].sort());
    for (const action of ['members.write', 'tokens.read', 'tokens.write', 'plans.write', 'licences.write'] as const)
      expect(allowed(action)).toEqual(['admin', 'owner']);
  });

  it('keeps support from shipping and developers from suspending a customer', () => {
    expect(may('support', 'apps.write')).toBe(false);
    expect(may('developer', 'apps.write')).toBe(true);
    expect(may('developer', 'licences.suspend')).toBe(false);
    expect(may('support', 'licences.suspend')).toBe(true);
    expect(may('viewer', 'logs.read')).toBe(false);
  });

  it('names the weakest role first', () => {
    expect(rolesFor('logs.read')[0]).toBe('support');
    expect(rolesFor('apps.write')[0]).toBe('developer');
  });

  it('lets only an owner make an owner', () => {
    expect(Role.options.filter((role) => mayGrant('admin', role))).not.toContain('owner');
    expect(mayGrant('owner', 'owner')).toBe(true);
    for (const own of ['developer', 'support', 'viewer'] as const)
      expect(Role.options.some((role) => mayGrant(own, role))).toBe(false);
  });
});
