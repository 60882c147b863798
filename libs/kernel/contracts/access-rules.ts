import { z } from 'zod';
import { DisplayName, Instant } from './primitives.js';

export const rulesMax = 100;
export const ruleTextMax = 2_000;

/** AccessRule lets somebody in, shuts somebody out, or lets them only read, when its expression (CEL) holds. The first that holds counts. */
export const AccessRule = z
  .strictObject({
    id: z
      .string()
      .min(1)
      .max(63)
      .regex(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/, 'lower-case letters, digits and dashes'),
    name: DisplayName,
    effect: z.enum(['allow', 'read-only', 'deny']),
    when: z.string().min(1).max(ruleTextMax),
    /** What a denial says to programs; absent: `rule_denied`. */
    code: z
      .string()
      .max(63)
      .regex(/^[a-z][a-z0-9_]*$/, 'lower-case letters, digits and underscores')
      .optional(),
    /** What a denial says to people. */
    message: z.string().trim().min(1).max(500).optional(),
  })
  .meta({ id: 'AccessRule' });
export type AccessRule = z.infer<typeof AccessRule>;

const comment = z.string().trim().min(1).max(500).optional();
/** The version that the caller knows; 0: none yet. Another one in force means that somebody was faster. */
const ifVersion = z.number().int().min(0);

export const SaveRules = z
  .strictObject({ rules: z.array(AccessRule).max(rulesMax), ifVersion, comment })
  .meta({ id: 'SaveRules' });
export type SaveRules = z.infer<typeof SaveRules>;

/** A version as it stands in a path. */
export const RuleVersion = z.coerce.number().int().min(1).max(2_147_483_647);

export const RollBackRules = z
  .strictObject({ toVersion: z.number().int().min(1), ifVersion, comment })
  .meta({ id: 'RollBackRules' });
export type RollBackRules = z.infer<typeof RollBackRules>;

const builtin = z.object({
  id: z.string(),
  name: z.string(),
  effect: z.enum(['allow', 'read-only', 'deny']),
  when: z.string(),
  code: z.string(),
});

/** RuleSet is the rules of an app as they were saved once. */
export const RuleSet = z
  .object({
    /** 0: the app has no rules of its own. */
    version: z.number().int(),
    rules: z.array(AccessRule),
    /** Id of the user or API token that saved it. */
    author: z.string().optional(),
    comment: z.string().optional(),
    /** The version that this one copies, when it came by going back. */
    copyOf: z.number().int().optional(),
    createdAt: Instant.optional(),
  })
  .meta({ id: 'RuleSet' });
export type RuleSet = z.infer<typeof RuleSet>;

/** RulesInForce is a rule set between the built-in rules that stand before and after it. */
export const RulesInForce = RuleSet.extend({ before: z.array(builtin), after: z.array(builtin) }).meta({
  id: 'RulesInForce',
});
export type RulesInForce = z.infer<typeof RulesInForce>;

/** RuleDiff is what a version changed against the one before it. */
export const RuleDiff = z
  .object({
    added: z.array(AccessRule),
    removed: z.array(AccessRule),
    changed: z.array(z.object({ before: AccessRule, after: AccessRule })),
    /** True: rules that stayed changed places. */
    reordered: z.boolean(),
  })
  .meta({ id: 'RuleDiff' });
export type RuleDiff = z.infer<typeof RuleDiff>;

export const RuleSetChange = RuleSet.omit({ rules: true }).extend({ diff: RuleDiff }).meta({ id: 'RuleSetChange' });
export type RuleSetChange = z.infer<typeof RuleSetChange>;
