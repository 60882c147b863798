export { rulesAfter, rulesBefore } from './builtin-rules.js';
export { type CompiledRules, compileRules, loadRules, noRules } from './compile-rules.js';
export { decide, standingOf } from './decide.js';
export { type Decision, type DenyCode, isSafeMethod, refusalOf, ruleDenyCodes } from './decision.js';
export type { DecisionInput, GraceStep, LicenceFacts, RequestFacts, RouteClass, StandingFacts } from './facts.js';
export { decidePrepared, type Prepared, prepare } from './prepare.js';
export { routeClassOf } from './route-class.js';
export type { AccessRule, RuleFault } from './rules.js';
export { type Timeline, timelineOf } from './timeline.js';
