export { createEgressAgent, createEgressDialer, type EgressAgentOptions } from './egress-agent.js';
export { egressConfig } from './egress-config.js';
export {
  type EgressOptions,
  EgressPolicy,
  type PinnedHost,
  type ResolvedAddress,
  type Resolver,
} from './egress-policy.js';
