/** Who has to act: the caller, the operator of NMachine, the publisher of the app, or we. */
export type Actor = 'caller' | 'operator' | 'publisher' | 'us';

export interface CodeEntry {
  /** HTTP status that the edge answers with. */
  readonly status: number;
  /** Short, stable title (RFC 9457 `title`). */
  readonly title: string;
  /** Default public sentence: what happened and what to do. */
  readonly message: string;
  readonly actor: Actor;
}

/** entry is a line of the catalogue; unless said otherwise the caller has to act. */
export const entry = (status: number, title: string, message: string, actor: Actor = 'caller'): CodeEntry => ({
  status,
  title,
  message,
  actor,
});
