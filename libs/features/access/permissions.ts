import type { Role } from '@nm/kernel/contracts';

const anyone = ['viewer', 'support', 'developer', 'admin', 'owner'] as const;
const operating = ['support', 'developer', 'admin', 'owner'] as const;
const building = ['developer', 'admin', 'owner'] as const;
const serving = ['support', 'admin', 'owner'] as const;
const governing = ['admin', 'owner'] as const;

/**
 * permissions says which roles may do what in their organisation. Developers build and ship, support looks after customers,
 * admins govern everything but owners. Roles of an entry are ordered from the weakest.
 */
const permissions = {
  'org.read': anyone,
  'org.write': governing,
  'members.read': anyone,
  'members.write': governing,
  'tokens.read': governing,
  'tokens.write': governing,
  'issuers.read': anyone,
  'issuers.write': governing,
  'apps.read': anyone,
  'apps.write': building,
  'instances.read': anyone,
  'logs.read': operating,
  'runs.read': operating,
  'rules.read': anyone,
  'rules.write': governing,
  'decisions.read': operating,
  'plans.read': anyone,
  'plans.write': governing,
  'customers.read': anyone,
  'customers.write': serving,
  'licences.read': anyone,
  'licences.write': governing,
  'licences.suspend': serving,
} as const satisfies Record<string, readonly Role[]>;

/** Something that a member of an organisation may or may not do. */
export type Action = keyof typeof permissions;

/** may is the one rule of the publisher's side: does this role allow that action. */
export const may = (role: Role, action: Action): boolean => rolesFor(action).includes(role);

/** rolesFor lists who may, from the weakest role. */
export const rolesFor = (action: Action): readonly Role[] => permissions[action];

/** mayGrant tells whether somebody of role `own` may give or take `role`: an owner any, an admin any but owner, others none. */
export const mayGrant = (own: Role, role: Role): boolean => own === 'owner' || (own === 'admin' && role !== 'owner');
