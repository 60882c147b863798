import type { ASTNode } from '@marcbachmann/cel-js';

type Run = { run(node: ASTNode, context: unknown): unknown };
type Check = { check(node: ASTNode, context: unknown): unknown };

/** How the evaluator keeps a macro at its node. */
interface Macro {
  readonly typeCheck: (checker: Check, macro: Macro, context: unknown) => unknown;
  readonly evaluate: (evaluator: Run, macro: Macro, context: unknown) => unknown;
}

interface MacroNode {
  readonly meta: { readonly macro?: Macro };
  setMeta(key: 'macro', macro: Macro): unknown;
}

const hasFields = (value: unknown): boolean => typeof value === 'object' && value !== null && !Array.isArray(value);

/** requireFields makes `has(of.field)` fail when `of` is neither a map nor one of our variables; the evaluator takes that for a field that is missing. */
export function requireFields(node: ASTNode, of: ASTNode): void {
  const macroNode = node as unknown as MacroNode;
  const { macro } = macroNode.meta;
  if (!macro) return;
  macroNode.setMeta('macro', {
    ...macro,
    typeCheck: (checker, own, context) => {
      checker.check(of, context);
      return macro.typeCheck(checker, own, context);
    },
    evaluate: (evaluator, own, context) => {
      if (!hasFields(evaluator.run(of, context))) throw new TypeError('has() asks maps');
      return macro.evaluate(evaluator, own, context);
    },
  });
}
