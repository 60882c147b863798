/**
 * shellWords splits a command as a shell does, without doing anything else that a shell does: blanks separate, quotes and backslashes keep.
 * `%20` in a word counts as a blank that does not separate.
 */
export function shellWords(text: string): string[] {
  const words: string[] = [];
  const pattern = /\s*((?:[^\s'"\\]|\\.|'[^']*'|"(?:[^"\\]|\\.)*")+)/gsy;
  for (const [, word = ''] of text.trim().matchAll(pattern)) words.push(unquote(word));
  return words;
}

const unquote = (word: string): string =>
  word.replace(/'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)|%20/gs, (_, single?: string, double?: string, escaped?: string) => {
    if (single !== undefined) return single;
    if (double !== undefined) return double.replace(/\\(["\\$`])/g, '$1');
    return escaped ?? ' ';
  });
