export { listDecisions, listOwnDecisions } from './explain-decisions.js';
export { rehearseRules } from './rehearse-rules.js';
export {
  listRuleSets,
  type RuleAuthor,
  readRuleSet,
  readRules,
  rollBackRules,
  saveRules,
} from './rule-sets.js';
export { startEvidenceSweeper } from './sweep-evidence.js';
