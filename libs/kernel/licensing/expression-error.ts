/** What is wrong with an expression, and where it starts (UTF-16 code units from 0). */
export class ExpressionError extends Error {
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}
