import { type Kind, llhttp, methods, ours, reference, type Understanding, type Understood } from './readers.js';

export interface Disagreement {
  readonly with: 'llhttp' | 'reference' | 'itself, cut otherwise';
  readonly what: string;
}

/** differs names the first part that two readers of one message understood differently. */
function differs(mine: Understood, other: Understood): string | undefined {
  for (const part of ['method', 'target', 'status', 'minor', 'body'] as const)
    if (mine[part] !== other[part]) return `${part}: ${JSON.stringify(mine[part])} and ${JSON.stringify(other[part])}`;
  const [mineFields, otherFields] = [mine.fields.join('\n'), other.fields.join('\n')];
  return mineFields === otherFields
    ? undefined
    : `fields: ${JSON.stringify(mine.fields)} and ${JSON.stringify(other.fields)}`;
}

/** disagreement: each message that ours accepts must be there in the other reading, the same in every part. */
function disagreement(
  mine: Understanding,
  other: Understanding,
  excused: (message: Understood) => boolean,
): string | undefined {
  for (const [index, message] of mine.messages.entries()) {
    if (excused(message)) return undefined;
    const theirs = other.messages[index];
    if (!theirs) return `message ${index + 1} is accepted here, ${other.stop} there`;
    const difference = differs(message, theirs);
    if (difference) return `message ${index + 1}: ${difference}`;
  }
  return undefined;
}

const known = new Set(methods);

/** llhttp has a fixed list of methods; to refuse the others is not to read them differently. */
const unknownToLlhttp = ({ method }: Understood): boolean => method !== '' && !known.has(method);

/** compare holds the engine's reading of these bytes against both others, and against itself when the bytes come in pieces. */
export function compare(bytes: Buffer, kind: Kind, cuts: readonly number[]): Disagreement | undefined {
  const mine = ours(bytes, kind);
  const cut = ours(bytes, kind, cuts);
  if (JSON.stringify(mine) !== JSON.stringify(cut))
    return { with: 'itself, cut otherwise', what: `${JSON.stringify(mine)} and ${JSON.stringify(cut)}` };
  if (mine.messages.length === 0) return undefined;
  const slow = disagreement(mine, reference(bytes, kind), () => false);
  if (slow) return { with: 'reference', what: slow };
  const node = disagreement(mine, llhttp(bytes, kind), unknownToLlhttp);
  return node === undefined ? undefined : { with: 'llhttp', what: node };
}
