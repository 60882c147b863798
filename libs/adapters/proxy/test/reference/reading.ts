/** One field line: the name as sent, the value without the white space around it (RFC 9112 §5). */
export interface Field {
  readonly name: string;
  readonly value: string;
}

/** What a strict recipient makes of the bytes so far; `rest` begins with the next message. */
export type Reading<T> =
  | { readonly verdict: 'accept'; readonly message: T; readonly rest: Buffer }
  | { readonly verdict: 'refuse'; readonly reason: string }
  | { readonly verdict: 'incomplete' };

/** Refused ends the reading of a message that must not be believed. */
export class Refused extends Error {}

/** Incomplete ends the reading of a message whose end has not come. */
export class Incomplete extends Error {}

/** refuse throws `Refused`. */
export function refuse(reason: string): never {
  throw new Refused(reason);
}

/** reading turns the two exceptions of this folder into verdicts. */
export function reading<T>(read: () => { message: T; rest: Buffer }): Reading<T> {
  try {
    return { verdict: 'accept', ...read() };
  } catch (error) {
    if (error instanceof Refused) return { verdict: 'refuse', reason: error.message };
    if (error instanceof Incomplete) return { verdict: 'incomplete' };
    throw error;
  }
}
