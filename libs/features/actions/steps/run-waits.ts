/** RunWaits is thrown by a step that cannot go on before something happens outside; no failure, and no worker waits with it. */
export class RunWaits extends Error {
  /**
   * @param until when the step wants to be asked again though nothing has happened
   * @param forWhat in words, for people
   */
  constructor(
    readonly until: Date,
    readonly forWhat: string,
  ) {
    super(`waits for ${forWhat}`);
  }
}
