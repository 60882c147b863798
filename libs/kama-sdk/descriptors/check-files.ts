import { type BundleFile, roleOf } from './bundle-files.js';
import { type Finding, type FindingCode, findingAt } from './finding.js';
import { bundleLimits } from './limits.js';

/** The same name must be the same file on every system: no other alphabets (they have several spellings), nothing that a system reserves. */
const nameShape = /^[A-Za-z0-9@+_ ,=~()-][A-Za-z0-9@+_ ,=~().-]*$|^\.[A-Za-z0-9_-][A-Za-z0-9@+_.-]*$/;
const reserved = new Set(['__proto__', 'constructor', 'prototype']);

/** fileFaults finds what is wrong with the files of a bundle as files, before anything in them is read. */
export function fileFaults(files: readonly BundleFile[]): Finding[] {
  const faults: Finding[] = [];
  const seen = new Map<string, string>();
  const refuse = (path: string, code: FindingCode, message: string): void => {
    if (faults.length < bundleLimits.findings)
      faults.push(findingAt({ file: printable(path), line: 1, column: 1 }, 'error', code, message));
  };
  if (files.length > bundleLimits.files)
    refuse('', 'too_many', `The bundle holds more than ${bundleLimits.files} files.`);
  for (const { path, text } of files.slice(0, bundleLimits.files)) {
    const fault = pathFault(path);
    const twin = seen.get(path.toLowerCase());
    seen.set(path.toLowerCase(), path);
    if (fault) refuse(path, 'bad_path', fault);
    else if (twin === path) refuse(path, 'bad_path', 'The bundle holds two files of this name.');
    else if (twin !== undefined)
      refuse(
        path,
        'bad_path',
        `The name differs from "${twin}" only in upper and lower case, which some systems do not tell apart.`,
      );
    else if (roleOf(path).role === 'other')
      refuse(
        path,
        'bad_path',
        'A bundle holds descriptors/*.yaml, assets/*, and plugins/<space>/ with the same again.',
      );
    const at = notText(text);
    if (at !== undefined)
      refuse(path, 'not_text', `Character ${at + 1} is no text. Descriptors and assets are UTF-8 text.`);
  }
  return faults;
}

function pathFault(path: string): string | undefined {
  const { pathChars, folders } = bundleLimits;
  if (path.length > pathChars) return `The path is longer than ${pathChars} characters.`;
  const names = path.split('/');
  if (names.length > folders) return `The path has more than ${folders} levels.`;
  if (path.startsWith('/')) return 'A path is relative to the bundle; this one is absolute.';
  if (names.includes('..') || names.includes('.')) return 'A path may not hold "." or ".." as a name.';
  if (names.some((name) => reserved.has(name))) return 'A path may not hold a name that JavaScript reserves.';
  const strange = names.find((name) => !nameShape.test(name));
  return strange === undefined
    ? undefined
    : `"${printable(strange)}" is no name for a file here: use letters, digits, spaces and . _ - + @ , = ~ ( ).`;
}

/** notText gives the index of the first character that no text has: NUL, or half of a surrogate pair. */
function notText(text: string): number | undefined {
  const nul = text.indexOf('\0');
  if (nul >= 0) return nul;
  return text.isWellFormed() ? undefined : Math.max(0, text.search(/\p{Surrogate}/u));
}

/** printable makes a hostile name fit for a terminal and a log. */
const printable = (path: string): string => path.slice(0, 200).replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '?');
