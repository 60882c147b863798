/** A statement that does for many callers at once what each of them asks for. */
export interface GroupStatement<I, R extends object, O> {
  /** Prepared once on each connection under this name. */
  readonly name: string;
  readonly text: string;
  /** What the statement is given for all of them. */
  readonly values: (asked: readonly I[]) => readonly unknown[];
  /** The answer to each of them, in their order. */
  readonly answers: (asked: readonly I[], rows: readonly R[]) => readonly O[];
}

type Query<I, R> = (asked: readonly I[]) => Promise<readonly R[]>;

interface Call<I, O> {
  readonly asked: I;
  readonly resolve: (answer: O) => void;
  readonly reject: (error: unknown) => void;
}

/** Callers in one statement at most: a statement has to end long before its time is over. */
const callsMaxDefault = 64;

interface GroupOptions {
  /** Whether what made a statement fail may lie with one of the callers. */
  readonly apart: (error: unknown) => boolean;
  readonly callsMax?: number | undefined;
}

/**
 * GroupCalls lets calls of one statement travel together: those of one turn of the event loop, and those that come while one is
 * under way. No timer: a call that finds nothing under way leaves with the turn that it came in. When a statement of many fails, each of them
 * is asked for alone, so that one cannot spoil the others. Who waits for the next statement leaves before the answers of the last are worked on, so that the
 * database and this process work at the same time.
 */
export class GroupCalls<I, R extends object, O> {
  readonly #statement: GroupStatement<I, R, O>;
  readonly #query: Query<I, R>;
  readonly #apart: (error: unknown) => boolean;
  readonly #callsMax: number;
  #waiting: Call<I, O>[] = [];
  #isUnderWay = false;
  #isDue = false;

  constructor(statement: GroupStatement<I, R, O>, query: Query<I, R>, { apart, callsMax }: GroupOptions) {
    this.#statement = statement;
    this.#query = query;
    this.#apart = apart;
    this.#callsMax = callsMax ?? callsMaxDefault;
  }

  call(asked: I): Promise<O> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ asked, resolve, reject });
      this.#leaveSoon();
    });
  }

  #leaveSoon(): void {
    if (this.#isDue || this.#isUnderWay) return;
    this.#isDue = true;
    setImmediate(() => {
      this.#isDue = false;
      this.#leave();
    });
  }

  #leave(): void {
    const calls = this.#waiting.splice(0, this.#callsMax);
    if (calls.length === 0) return;
    this.#isUnderWay = true;
    void this.#ask(calls).then((answer) => {
      this.#isUnderWay = false;
      if (this.#waiting.length === 0) return answer();
      this.#leave();
      // The statement is written to its socket before this turn is over.
      setImmediate(answer);
    });
  }

  /** Gives what tells the callers. */
  async #ask(calls: readonly Call<I, O>[]): Promise<() => void> {
    try {
      const asked = calls.map((call) => call.asked);
      const answers = this.#statement.answers(asked, await this.#query(asked));
      return () => {
        for (const [i, call] of calls.entries()) call.resolve(answers[i] as O);
      };
    } catch (error) {
      if (calls.length > 1 && this.#apart(error)) {
        const each = await Promise.all(calls.map((call) => this.#ask([call])));
        return () => {
          for (const answer of each) answer();
        };
      }
      return () => {
        for (const call of calls) call.reject(error);
      };
    }
  }
}
