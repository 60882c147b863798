import { applyDecorators, createParamDecorator, type ExecutionContext, SetMetadata } from '@nestjs/common';
import { ApiExtension } from '@nestjs/swagger';
import { invariant } from '@nm/kernel/fault';
import type { CredentialForm } from './authenticate.js';
import { type Action, rolesFor } from './permissions.js';
import type { Principal } from './principal.js';
import type { OrgAccess } from './require-org.js';

/**
 * Who a route is for. `person`: somebody logged in; `publisher`: the same or an API token; `licensee`: a licence key or its session;
 * `licence-key`: the key itself; `licence-session`: the session itself; `install`: the context token of a hosted KAMA;
 * `instance`: the ticket that an operator has for an instance.
 */
export type CredentialKind =
  | 'person'
  | 'publisher'
  | 'licensee'
  | 'licence-key'
  | 'licence-session'
  | 'install'
  | 'instance';

/** formsOf lists the credentials by which a kind is recognised. */
export const formsOf: Readonly<Record<CredentialKind, readonly CredentialForm[]>> = {
  person: ['access-token'],
  publisher: ['access-token', 'api-token'],
  licensee: ['licence-key', 'licence-session'],
  'licence-key': ['licence-key'],
  'licence-session': ['licence-session'],
  install: ['install-token'],
  instance: ['instance-ticket'],
};

export interface AccessRule {
  readonly kinds: readonly CredentialKind[];
}

export const accessRuleKey = 'nm:access-rule';
export const actionKey = 'nm:action';
export const readsOnlyKey = 'nm:reads-only';
export const looksOnlyKey = 'nm:looks-only';

/** Allow opens a route (or all of a controller) to some kinds of credential. A route without Allow or Public lets nobody in. */
export const Allow = (...kinds: [CredentialKind, ...CredentialKind[]]): MethodDecorator & ClassDecorator =>
  applyDecorators(SetMetadata(accessRuleKey, { kinds } satisfies AccessRule), ApiExtension('x-nm-credentials', kinds));

/** Public opens a route to everybody, on purpose. */
export const Public = (): MethodDecorator & ClassDecorator =>
  applyDecorators(SetMetadata(accessRuleKey, { kinds: [] } satisfies AccessRule), ApiExtension('x-nm-public', true));

/** Needs names what the caller must be allowed to do in the organisation `:org` of the path. */
export const Needs = (action: Action): MethodDecorator =>
  applyDecorators(
    SetMetadata(actionKey, action),
    ApiExtension('x-nm-role', rolesFor(action)[0]),
    ApiExtension('x-nm-roles', rolesFor(action)),
  );

/** ReadsOnly says that a route changes nothing in spite of its method, so a licence in its grace period may use it. */
export const ReadsOnly = (): MethodDecorator =>
  applyDecorators(SetMetadata(readsOnlyKey, true), ApiExtension('x-nm-reads-only', true));

/** LooksOnly says that a route may be used whatever the licence's state, as looking may: it gives up something, and gains nothing. */
export const LooksOnly = (): MethodDecorator =>
  applyDecorators(SetMetadata(looksOnlyKey, true), ApiExtension('x-nm-looks-only', true));

/** What the guard leaves on a request. */
export interface AccessState {
  principal?: Principal;
  org?: OrgAccess;
}

const stateOf = (context: ExecutionContext): AccessState => context.switchToHttp().getRequest<AccessState>();

/** CurrentPrincipal injects who the request comes from. */
export const CurrentPrincipal = createParamDecorator((_: undefined, context: ExecutionContext): Principal => {
  const { principal } = stateOf(context);
  invariant(principal, 'a route with CurrentPrincipal has Allow');
  return principal;
});

/** CurrentOrg injects the organisation of the path as the caller may see it; the route has `Needs`. */
export const CurrentOrg = createParamDecorator((_: undefined, context: ExecutionContext): OrgAccess => {
  const { org } = stateOf(context);
  invariant(org, 'a route with CurrentOrg has Needs');
  return org;
});
