import type { KubeObject, KubeSession } from '@nm/adapters/k8kat';
import type {
  ObjectRef,
  RunChange,
  RunError,
  RunPlan,
  RunStatus,
  StepKind,
  UndoStep,
  WorkStep,
} from '@nm/kernel/contracts';
import type { Clock } from '@nm/kernel/time';
import type { Agent } from 'undici';

/** What steps use of a cluster session. */
export type ClusterSession = Pick<
  KubeSession,
  | 'apply'
  | 'get'
  | 'delete'
  | 'can'
  | 'resourceFor'
  | 'list'
  | 'request'
  | 'stream'
  | 'upgrade'
  | 'server'
  | 'dispatcher'
  | 'authorization'
>;

/** A session that lasts as long as a run: each call goes to the session that is current then. */
export interface StepSession extends Pick<ClusterSession, 'apply' | 'get' | 'delete' | 'can' | 'resourceFor'> {
  /** The session to use for one request of another kind. */
  current(): Promise<ClusterSession>;
}

/** stepSession asks for the session anew with each call, because a change of the cluster's row closes the one that was held. */
export const stepSession = (current: () => Promise<ClusterSession>): StepSession => ({
  current,
  apply: async (...args) => (await current()).apply(...args),
  get: async (...args) => (await current()).get(...args),
  delete: async (...args) => (await current()).delete(...args),
  can: async (...args) => (await current()).can(...args),
  resourceFor: async (...args) => (await current()).resourceFor(...args),
});

/** ChangeRecord keeps which objects a step changes, from what to what. */
export interface ChangeRecord {
  /** Stands before a write: what the object is now, so that the change can be told even when the worker dies in the write. */
  begin(ref: ObjectRef, before: KubeObject | undefined): Promise<void>;
  /** Stands after it. `after` is undefined when the object is gone. */
  end(
    ref: ObjectRef,
    objects: { readonly before: KubeObject | undefined; readonly after: KubeObject | undefined },
  ): Promise<void>;
  /** The write was refused. */
  drop(ref: ObjectRef): Promise<void>;
}

/** ChildRun is another action that a step runs. */
export interface ChildRun {
  readonly action: string;
  readonly title: string;
  readonly plan: RunPlan;
  readonly timeoutSeconds: number;
  /** Counts the ones of this step that have failed. */
  readonly attempt: number;
}

export interface ChildRuns {
  /** Queues a run, which begins once this one waits for it; asked again, it is the same run. */
  queue(child: ChildRun): Promise<string>;
  read(runId: string): Promise<{ readonly status: RunStatus; readonly error: RunError | undefined }>;
}

export interface KamaAnswer {
  readonly status: number;
  /** JSON as it came; undefined when it was none. */
  readonly body: unknown;
}

/** KamaDoor asks an install's KAMA in the name of a run. The gateway stands in between, and decides as it does for any client. */
export interface KamaDoor {
  /** @throws Fault kama_unreachable when no answer comes */
  ask(
    method: 'GET' | 'POST',
    path: string,
    options: { readonly body?: unknown; readonly signal: AbortSignal },
  ): Promise<KamaAnswer>;
}

export type UndoneChange = Omit<RunChange, 'id' | 'step' | 'at'>;

/** Everything that a step works with. */
export interface StepContext {
  readonly session: StepSession;
  readonly run: { readonly id: string; readonly fence: number };
  /** The step's number within the run: with the run's id it names what the step makes. */
  readonly position: number;
  /** Of objects that name none. */
  readonly namespace: string;
  readonly clock: Clock;
  /** Aborts with a Fault when the work must stop. */
  readonly signal: AbortSignal;
  /** Dials public addresses. */
  readonly egress: Agent;
  /** The install's KAMA; absent where there is no way to one. */
  readonly kama?: KamaDoor | undefined;
  readonly changes: ChangeRecord;
  readonly children: ChildRuns;
  /** Of an undo step: what the step changed that it undoes, in the order in which it did. */
  undone(): Promise<readonly UndoneChange[]>;
  /** A preview: writes change nothing on the cluster, and nothing is waited for. */
  readonly dry: boolean;
  /** What an earlier attempt noted; null at first. */
  readonly noted: unknown;
  /** Stands right before every write to the cluster, repetitions included. @throws Fault run_lost, run_cancelled, run_timeout, draining */
  guard(): void;
  log(line: string): Promise<void>;
  /** Keeps what the step must know if it is done again. */
  note(output: unknown): Promise<void>;
}

/** StepOf is the contract of one kind. */
export type StepOf<K extends StepKind> = K extends WorkStep['kind']
  ? Extract<WorkStep, { kind: K }>
  : Extract<UndoStep, { kind: K }>;

/**
 * StepExecutor does one kind of step and returns what it did. It may be called again after a crash at any point, so it must lead to the
 * same state however often it is done.
 */
export type StepExecutor<K extends StepKind> = (step: StepOf<K>, context: StepContext) => Promise<unknown>;
