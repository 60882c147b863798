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
const callsMax = 64;

/**
 * GroupCalls lets calls of one statement travel together: those of one turn of the event loop, and those that come while enough statements are
 * under way. No timer: a call that finds nothing under way leaves with the turn that it came in. When a statement of many fails, each of them
 * is asked for alone, so that one cannot spoil the others.
 */
export class GroupCalls<I, R extends object, O> {
  readonly #statement: GroupStatement<I, R, O>;
  readonly #query: Query<I, R>;
  readonly #apart: (error: unknown) => boolean;
  readonly #underWayMax: number;
  #waiting: Call<I, O>[] = [];
  #underWay = 0;
  #isDue = false;

  /** @param apart whether what made a statement fail may lie with one of the callers */
  constructor(
    statement: GroupStatement<I, R, O>,
    query: Query<I, R>,
    { apart, underWayMax = 1 }: { readonly apart: (error: unknown) => boolean; readonly underWayMax?: number },
  ) {
    this.#statement = statement;
    this.#query = query;
    this.#apart = apart;
    this.#underWayMax = underWayMax;
  }

  call(asked: I): Promise<O> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ asked, resolve, reject });
      this.#leaveSoon();
    });
  }

  #leaveSoon(): void {
    if (this.#isDue || this.#underWay >= this.#underWayMax) return;
    this.#isDue = true;
    setImmediate(() => {
      this.#isDue = false;
      this.#leave();
    });
  }

  #leave(): void {
    const calls = this.#waiting.splice(0, callsMax);
    if (calls.length === 0) return;
    this.#underWay++;
    void this.#ask(calls).finally(() => {
      this.#underWay--;
      if (this.#waiting.length > 0) this.#leaveSoon();
    });
    if (this.#waiting.length > 0) this.#leaveSoon();
  }

  async #ask(calls: readonly Call<I, O>[]): Promise<void> {
    try {
      const asked = calls.map((call) => call.asked);
      const answers = this.#statement.answers(asked, await this.#query(asked));
      for (const [i, call] of calls.entries()) call.resolve(answers[i] as O);
    } catch (error) {
      if (calls.length > 1 && this.#apart(error)) await Promise.all(calls.map((call) => this.#ask([call])));
      else for (const call of calls) call.reject(error);
    }
  }
}
