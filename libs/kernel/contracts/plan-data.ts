/** Members of steps that hold data and nothing else; what names an object or a place is never filled in. */
export const planDataMembers = ['manifests', 'manifest', 'patch', 'body', 'merge', 'set', 'job'] as const;

/** A value of a plan that is what an earlier step gave: `{ "$from": "steps.<id>.<member>…" }`. */
export const referenceMark = '$from';
/** `{ "$literal": value }` is the value as it stands, whatever it looks like. */
export const literalMark = '$literal';

type Tree = Readonly<Record<string, unknown>>;

const isTree = (value: unknown): value is Tree => typeof value === 'object' && value !== null && !Array.isArray(value);

/** isMarked tells an object that has a mark and nothing else. */
export const isMarked = (value: unknown, mark: string): value is Tree =>
  isTree(value) && Object.hasOwn(value, mark) && Object.keys(value).length === 1;

/** asLiteral gives data that a plan takes as it stands: what somebody wrote who may write values must not be read as a reference. */
export function asLiteral(value: unknown): unknown {
  if (isMarked(value, referenceMark) || isMarked(value, literalMark)) return { [literalMark]: value };
  if (Array.isArray(value)) return value.map(asLiteral);
  if (!isTree(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, asLiteral(member)]));
}

/** asLiteralSteps gives steps, those within them included, whose data is all taken as it stands. */
export function asLiteralSteps(steps: readonly unknown[]): unknown[] {
  return steps.map((step) => {
    if (!isTree(step)) return step;
    const data = planDataMembers
      .filter((name) => Object.hasOwn(step, name))
      .map((name) => [name, asLiteral(step[name])]);
    const inner = ['steps', 'undo'].flatMap((name) => {
      const list = step[name];
      return Array.isArray(list) ? [[name, asLiteralSteps(list)]] : [];
    });
    const { plan } = step;
    const whole =
      isTree(plan) && Array.isArray(plan['steps']) ? { plan: { ...plan, steps: asLiteralSteps(plan['steps']) } } : {};
    return { ...step, ...Object.fromEntries([...data, ...inner]), ...whole };
  });
}
