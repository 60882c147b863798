/** prefixes names every kind of row that has an id; the prefix makes an id readable and a mix-up visible. */
export const prefixes = {
  user: 'user',
  org: 'org',
  membership: 'mem',
  apiToken: 'tok',
  refreshToken: 'rft',
  app: 'app',
  version: 'ver',
  channel: 'chn',
  plan: 'plan',
  customer: 'cust',
  licence: 'lic',
  licenceEvent: 'levt',
  licenceUser: 'lusr',
  licenceSession: 'sess',
  ruleSet: 'rules',
  decision: 'dec',
  oidcIssuer: 'oidc',
  cluster: 'clu',
  install: 'inst',
  instance: 'kin',
  run: 'run',
  step: 'step',
  signingKey: 'key',
  request: 'req',
} as const;

export type IdKind = keyof typeof prefixes;
