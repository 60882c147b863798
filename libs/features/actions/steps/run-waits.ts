import type { WaitReason } from '@nm/kernel/contracts';

interface WaitOptions {
  /** The run whose end is waited for, when it is one. */
  readonly run?: string | undefined;
  readonly reason?: WaitReason;
  /** The wait is a part of the run's work: its deadline does not begin anew afterwards. */
  readonly keepsDeadline?: boolean;
}

/** RunWaits is thrown by a step that cannot go on before something happens outside; no failure, and no worker waits with it. */
export class RunWaits extends Error {
  readonly run: string | undefined;
  readonly reason: WaitReason;
  readonly keepsDeadline: boolean;

  /**
   * @param until when the step wants to be asked again though nothing has happened
   * @param forWhat in words, for people
   */
  constructor(
    readonly until: Date,
    readonly forWhat: string,
    { run, reason, keepsDeadline = false }: WaitOptions = {},
  ) {
    super(`waits for ${forWhat}`);
    this.run = run;
    this.reason = reason ?? (run === undefined ? 'approval' : 'run');
    this.keepsDeadline = keepsDeadline;
  }
}

/**
 * joinWaits is the wait of steps side by side: it ends with the first of them. It is called by what only something outside can end, and is for the run that
 * one of them waits for; a cluster that is away stops them all.
 */
export function joinWaits(waits: readonly [RunWaits, ...RunWaits[]]): RunWaits {
  const away = waits.find(({ reason }) => reason === 'cluster_offline');
  if (away) return away;
  const main =
    waits.find(({ run }) => run !== undefined) ?? waits.find(({ reason }) => !passing.has(reason)) ?? waits[0];
  const untilMs = Math.min(...waits.map(({ until }) => until.getTime()));
  const { forWhat, run, reason } = main;
  return new RunWaits(new Date(untilMs), forWhat, {
    ...{ run, reason },
    keepsDeadline: waits.every(({ keepsDeadline }) => keepsDeadline),
  });
}

/** What passes by itself. */
const passing: ReadonlySet<WaitReason> = new Set<WaitReason>(['time', 'kama', 'condition']);
