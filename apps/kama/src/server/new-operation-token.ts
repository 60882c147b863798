import { randomKeyBytes } from '@nm/kernel/ids';

const letters = 'abcdefghijklmnopqrstuvwxyz';

/** newOperationToken is ten lower-case letters, each equally likely: it names an operation, the context of the request says whose it is. */
export function newOperationToken(): string {
  let token = '';
  while (token.length < 10)
    for (const byte of randomKeyBytes(16)) if (byte < 234 && token.length < 10) token += letters[byte % 26] ?? '';
  return token;
}
