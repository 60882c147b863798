import type { WaitReason } from '@nm/kernel/contracts';

/** RunWaits is thrown by a step that cannot go on before something happens outside; no failure, and no worker waits with it. */
export class RunWaits extends Error {
  /**
   * @param until when the step wants to be asked again though nothing has happened
   * @param forWhat in words, for people
   * @param run the run whose end is waited for, when it is one
   */
  constructor(
    readonly until: Date,
    readonly forWhat: string,
    readonly run?: string,
    readonly reason: WaitReason = run === undefined ? 'approval' : 'run',
  ) {
    super(`waits for ${forWhat}`);
  }
}
