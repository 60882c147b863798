import { RE2JS } from '@bufbuild/re2';
import { Zone } from './cel-time.js';
import { type Network, parseNetwork } from './ip-network.js';

/** Longest text that `matches` looks at, in UTF-16 code units. */
export const matchedTextMax = 1024;
// biome-ignore lint/suspicious/noControlCharactersInRegex: the whole of ASCII is meant
const isAscii = (text: string): boolean => /^[\x00-\x7f]*$/.test(text);
const patternMax = 100;
const repeatsMax = 100;
const instructionsMax = 250;
const statesMax = 64;

/** A regular expression in RE2 syntax: it runs in time linear in the text, whatever the text is. */
export class Pattern {
  readonly #re: RE2JS;

  constructor(re: RE2JS) {
    this.#re = re;
  }

  /** @throws RangeError when the text is too long */
  test(text: string): boolean {
    if (text.length > matchedTextMax) throw new RangeError(`matches() looks at ${matchedTextMax} characters at most`);
    const found = this.#re.test(text);
    // The engine remembers a transition for each character outside ASCII: a stranger could fill the memory with them.
    if (!isAscii(text)) this.#forget();
    return found;
  }

  /** How many states the engine remembers between two texts. */
  get remembered(): number {
    return this.#re.re2().dfa.stateCount;
  }

  #forget(): void {
    const { dfa } = this.#re.re2();
    dfa.stateCache.clear();
    dfa.stateCount = 0;
    dfa.startState = null;
  }
}

/** patternOf compiles a pattern within bounds of time and memory. @returns a sentence when it can't */
export function patternOf(text: string): Pattern | string {
  if (text.length > patternMax) return `A pattern has at most ${patternMax} characters.`;
  if (repeatsOf(text) > repeatsMax) return `The counted repetitions of a pattern multiply to at most ${repeatsMax}.`;
  try {
    const re = RE2JS.compile(text, RE2JS.DISABLE_UNICODE_GROUPS);
    const { prog, dfa } = re.re2();
    if (prog.numInst() > instructionsMax) return 'The pattern is too large.';
    // Beyond so many states it goes on without remembering them: as linear, and no tenant fills the memory.
    dfa.stateLimit = statesMax;
    return new Pattern(re);
  } catch (error) {
    return `The pattern is not valid: ${error instanceof Error ? error.message : String(error)}.`;
  }
}

/** repeatsOf multiplies the bounds of all `{n}`, `{n,}` and `{n,m}`, nested or not. */
function repeatsOf(pattern: string): number {
  const counts = [...pattern.matchAll(/\{(\d+)(?:,(\d*))?\}/g)];
  return counts.reduce((product, [, low, high]) => product * Math.max(1, Number(low), Number(high || 0)), 1);
}

const zones = new Map<string, Zone>();

/** zoneOf knows the zones of this machine's IANA database; each is made once. @returns a sentence when there is none */
export function zoneOf(name: string): Zone | string {
  const known = zones.get(name);
  if (known) return known;
  try {
    const zone = new Zone(name);
    zones.set(name, zone);
    return zone;
  } catch {
    return `There is no time zone "${name}".`;
  }
}

/** networkOf reads a CIDR block. @returns a sentence when it is none */
export const networkOf = (text: string): Network | string =>
  parseNetwork(text) ?? `"${text}" is not an address block like "10.0.0.0/8" or "2001:db8::/32".`;
