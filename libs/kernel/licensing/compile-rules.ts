import { rulesMax, ruleTextMax } from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import { compileExpression, type Origin, type Program } from './cel-program.js';
import { ruleDenyCodes } from './decision.js';
import { ExpressionError } from './expression-error.js';
import type { AccessRule, RuleFault } from './rules.js';
import { sharedProgram } from './shared-programs.js';

/** What all expressions of a set may cost together. */
const setCostMax = 10_000;

const codes: ReadonlySet<string> = new Set(ruleDenyCodes);

export interface CompiledRule {
  readonly rule: AccessRule;
  /** Absent: the stored expression cannot be used any more, so the rule fails whenever it is asked. */
  readonly program: Program | undefined;
}

/** The rules of one app, ready to decide with. Made by `compileRules` or `loadRules` only. */
export interface CompiledRules {
  readonly rules: readonly CompiledRule[];
}

/** The rule set of an app whose publisher has written none. */
export const noRules: CompiledRules = { rules: [] };

/**
 * compileRules checks and compiles rules that somebody wants to save.
 * @throws Fault rules_invalid with `issues`: one RuleFault for each fault
 */
export function compileRules(rules: readonly AccessRule[]): CompiledRules {
  const { compiled, faults } = compileAll(rules, 'draft');
  if (faults.length > 0) throw new Fault('rules_invalid', { extra: { issues: faults } });
  return compiled;
}

/** loadRules compiles rules that are in force. It never throws: a rule that does not compile any more fails when it is asked, and so denies. */
export const loadRules = (rules: readonly AccessRule[]): CompiledRules => compileAll(rules, 'stored').compiled;

function compileAll(rules: readonly AccessRule[], origin: Origin): { compiled: CompiledRules; faults: RuleFault[] } {
  const faults = rules.flatMap((rule, index) => faultsOfShape(rules, rule, index));
  let cost = 0;
  const compiled = rules.map((rule, index): CompiledRule => {
    const { program, fault } = compileOne(rule.when, origin);
    if (fault) faults.push({ ruleId: rule.id, index, ...fault });
    const before = cost;
    cost += program?.cost ?? 0;
    if (before <= setCostMax && cost > setCostMax)
      faults.push(at(rule, index, `All rules together may cost at most ${setCostMax} units.`));
    return { rule, program };
  });
  return { compiled: { rules: compiled }, faults };
}

interface CompiledOne {
  readonly program: Program | undefined;
  readonly fault?: Omit<RuleFault, 'ruleId' | 'index'>;
}

function compileOne(when: string, origin: Origin): CompiledOne {
  try {
    if (when.length > ruleTextMax) throw new ExpressionError(`An expression has at most ${ruleTextMax} characters.`, 0);
    return { program: origin === 'stored' ? sharedProgram(when) : compileExpression(when, origin) };
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    return { program: undefined, fault: { message: error.message, ...placeOf(when, error.offset) } };
  }
}

function faultsOfShape(rules: readonly AccessRule[], rule: AccessRule, index: number): RuleFault[] {
  const { id, effect, code } = rule;
  const messages: string[] = [];
  if (id === '' || id.startsWith('builtin:')) messages.push('The id must not be empty or start with "builtin:".');
  if (rules.findIndex((other) => other.id === id) < index) messages.push(`The id "${id}" is used twice.`);
  if (code !== undefined && effect !== 'deny') messages.push('Only a deny rule has a code.');
  if (code !== undefined && !codes.has(code)) messages.push(`The code must be one of: ${ruleDenyCodes.join(', ')}.`);
  if (index === rulesMax) messages.push(`A set has at most ${rulesMax} rules.`);
  return messages.map((message) => at(rule, index, message));
}

const at = ({ id: ruleId }: AccessRule, index: number, message: string): RuleFault => ({
  ruleId,
  index,
  message,
  line: 1,
  column: 1,
  offset: 0,
});

function placeOf(text: string, offset: number): Pick<RuleFault, 'line' | 'column' | 'offset'> {
  const before = text.slice(0, offset).split('\n');
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1, offset };
}
