import { randomKeyBytes } from '@nm/kernel/ids';

const letters = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';
const groups: Readonly<Record<string, string>> = {
  letters,
  numbers: '0123456789',
  punctuation: '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~',
};
const lengthMax = 1024;

/** randomText is unpredictable text out of groups of symbols: letters, numbers, punctuation. Each symbol is equally likely. */
export function randomText(symbols: readonly unknown[], length: number): string {
  const alphabet = symbols.map((group) => groups[String(group)] ?? '').join('') || letters;
  const wanted = Math.max(0, Math.min(lengthMax, Math.floor(length) || 0));
  // Bytes beyond the last whole multiple would favour the first symbols.
  const fair = 256 - (256 % alphabet.length);
  let text = '';
  while (text.length < wanted)
    for (const byte of randomKeyBytes(64))
      if (byte < fair && text.length < wanted) text += alphabet[byte % alphabet.length] ?? '';
  return text;
}
