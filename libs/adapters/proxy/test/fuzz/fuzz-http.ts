import { compare, type Disagreement } from './compare.js';
import { mutate, request, response } from './grammar.js';
import { Random } from './random.js';
import { type Kind, ours } from './readers.js';

export interface Finding extends Disagreement {
  /** Makes this very case again: `--seed <seed> --cases 1`. */
  readonly seed: number;
  readonly kind: Kind;
  /** The smallest input found that still shows it, latin1. */
  readonly input: string;
}

export interface FuzzResult {
  readonly cases: number;
  /** Cases of which ours accepted at least one message: the others prove nothing. */
  readonly accepted: number;
  readonly findings: readonly Finding[];
}

interface Case {
  readonly kind: Kind;
  readonly input: string;
  readonly cuts: readonly number[];
}

function caseOf(seed: number): Case {
  const random = new Random(seed);
  const kind: Kind = random.oneIn(3) ? 'response' : 'request';
  let input = '';
  for (let left = 1 + random.below(3); left > 0; left--)
    input += kind === 'request' ? request(random) : response(random);
  if (random.oneIn(3)) input = mutate(input, random);
  const cuts = Array.from({ length: random.below(4) }, () => random.below(input.length + 1)).sort((a, b) => a - b);
  return { kind, input, cuts: random.oneIn(4) ? [...input].map((_, index) => index) : cuts };
}

const bytesOf = (input: string): Buffer => Buffer.from(input, 'latin1');

/** shrink removes pieces, large ones first, as long as the same reader disagrees. */
function shrink({ kind, input, cuts }: Case, found: Disagreement): string {
  const shows = (text: string): boolean => compare(bytesOf(text), kind, cuts)?.with === found.with;
  let best = input;
  for (let size = Math.ceil(best.length / 2); size >= 1; size = Math.floor(size / 2))
    for (let at = 0; at + size <= best.length; ) {
      const shorter = best.slice(0, at) + best.slice(at + size);
      if (shows(shorter)) best = shorter;
      else at += size;
    }
  return best;
}

/** fuzz makes cases `seed`, `seed` + 1, … until `goOn` says stop, or ten disagreements are found. @param goOn gets the number of cases done */
export function fuzz(seed: number, goOn: (done: number) => boolean): FuzzResult {
  const findings: Finding[] = [];
  let cases = 0;
  let accepted = 0;
  while (findings.length < 10 && goOn(cases)) {
    const one = caseOf(seed + cases);
    const bytes = bytesOf(one.input);
    if (ours(bytes, one.kind).messages.length > 0) accepted++;
    const found = compare(bytes, one.kind, one.cuts);
    if (found) findings.push({ ...found, seed: seed + cases, kind: one.kind, input: shrink(one, found) });
    cases++;
  }
  return { cases, accepted, findings };
}
