import { compileExpression, type Program } from './cel-program.js';

/** Programs of stored expressions, for as long as some rule set uses them. */
const programs = new Map<string, WeakRef<Program>>();
const forget = new FinalizationRegistry<string>((text) => {
  // Compiled again meanwhile, it is another one.
  if (programs.get(text)?.deref() === undefined) programs.delete(text);
});

/**
 * sharedProgram compiles a stored expression, once for all that are written alike: apps mostly have the same few rules, and a program is several times as large as its text. A program keeps nothing of whom
 * it was asked for.
 * @throws ExpressionError
 */
export function sharedProgram(text: string): Program {
  const known = programs.get(text)?.deref();
  if (known) return known;
  const program = compileExpression(text, 'stored');
  programs.set(text, new WeakRef(program));
  forget.register(program, text);
  return program;
}
