import { RE2JS } from '@bufbuild/re2';

const patternCharsMax = 500;

/** matchesWhole tells whether a whole text matches a pattern, in linear time (RE2); a pattern that is none matches itself only. */
export function matchesWhole(pattern: string, text: string): boolean {
  if (pattern === text) return true;
  if (pattern.length > patternCharsMax) return false;
  try {
    return RE2JS.compile(pattern).matches(text);
  } catch {
    return false;
  }
}
