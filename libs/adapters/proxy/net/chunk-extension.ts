import { semicolon, tokenBytes, valueBytes } from './bytes.js';

const equals = 0x3d;
const quote = 0x22;
const backslash = 0x5c;

const beforeName = 0;
const inName = 1;
const beforeValue = 2;
const inValue = 3;
const inQuotes = 4;
const inEscape = 5;
const afterQuotes = 6;

/**
 * ChunkExtension reads `*( ";" name [ "=" value ] )` behind the first semicolon (RFC 9112 §7.1.1), for its form only; the white space that the RFC knows
 * as "bad" is refused. An open quote must not hide the end of the line: a reader that takes quotes seriously would look for the data elsewhere.
 */
export class ChunkExtension {
  #state = beforeName;

  begin(): void {
    this.#state = beforeName;
  }

  /** mayEnd tells whether the line may end here. */
  get mayEnd(): boolean {
    const state = this.#state;
    return state === inName || state === inValue || state === afterQuotes;
  }

  /** take reads one more byte. @returns whether it may stand here */
  take(byte: number): boolean {
    switch (this.#state) {
      case inQuotes:
        if (byte === quote) this.#state = afterQuotes;
        else if (byte === backslash) this.#state = inEscape;
        return valueBytes[byte] === 1;
      case inEscape:
        this.#state = inQuotes;
        return valueBytes[byte] === 1;
      default:
        return this.#takePlain(byte);
    }
  }

  #takePlain(byte: number): boolean {
    const before = this.#state;
    if (byte === semicolon) {
      const allowed = this.mayEnd;
      this.#state = beforeName;
      return allowed;
    }
    if (byte === equals) {
      this.#state = beforeValue;
      return before === inName;
    }
    if (byte === quote) {
      this.#state = inQuotes;
      return before === beforeValue;
    }
    if (before === beforeName) this.#state = inName;
    else if (before === beforeValue) this.#state = inValue;
    return before !== afterQuotes && tokenBytes[byte] === 1;
  }
}
