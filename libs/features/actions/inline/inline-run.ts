import type { ProgressNode, RunError, RunPlan, UndoStep, WorkStep } from '@nm/kernel/contracts';
import { Fault, toFault } from '@nm/kernel/fault';
import type { Clock } from '@nm/kernel/time';
import type { Agent } from 'undici';
import { withRemedies } from '../engine/remedies.js';
import { checkPlan } from '../plan/check-plan.js';
import { type PlanNode, planNodes } from '../plan/plan-nodes.js';
import { resolveReferences } from '../plan/plan-references.js';
import { runErrorOf } from '../run-error.js';
import { conditionHolds } from '../steps/condition.js';
import { abandonStep, executeStep, leavesWork } from '../steps/kinds.js';
import { RunWaits } from '../steps/run-waits.js';
import {
  type ChildRuns,
  type ClusterSession,
  type KamaDoor,
  type StepContext,
  type StepSession,
  stepSession,
} from '../steps/step-context.js';
import { withoutWatch } from '../steps/watch.js';
import { KeptChanges } from './kept-changes.js';

/** InlinePlace is where a plan is carried out. */
export interface InlinePlace {
  readonly session: ClusterSession;
  readonly namespace: string;
  readonly clock: Clock;
  readonly egress: Agent;
  /** Aborts with the process. */
  readonly signal: AbortSignal;
  readonly kama: KamaDoor;
  /** Other actions that steps run; `ended` resolves when one has. */
  readonly children: ChildRuns & { readonly ended: (runId: string) => Promise<void> };
  /** Why a step cannot be done here, in words. */
  readonly refusal?: ((step: WorkStep | UndoStep) => string | undefined) | undefined;
}

/** InlineRun is a plan that is being carried out: its progress as KAMA clients read it, changed in place. */
export interface InlineRun {
  readonly progress: ProgressNode;
  /** What it failed by, null when it did not; never rejects. */
  carryOut(): Promise<RunError | null>;
}

type Outcome = 'idle' | 'positive' | 'negative' | 'skipped';

const parallelMax = 8;
const logsKept = 200;
/** So long a run that ends tries to take away what a step has left at work. Milliseconds. */
const abandonMsMax = 1_500;

/**
 * planInline checks a plan as the run engine does, and prepares it for being carried out in this process: the same steps, done by the same code, without a store. What was
 * cut off with the process has to be begun again. @throws Fault plan_invalid
 */
export function planInline(
  run: { readonly id: string; readonly action: string; readonly title: string; readonly plan: unknown },
  place: InlinePlace,
): InlineRun {
  const walk = new InlineWalk(run, checkPlan(run.plan, { action: run.action }), place);
  return { progress: walk.progress, carryOut: () => walk.carryOut() };
}

const nodeOf = (id: string, title: string): ProgressNode => ({
  ...{ id, title, info: null, status: 'idle' },
  ...{ sub_items: [], logs: [], error: null },
});

class InlineWalk {
  readonly progress: ProgressNode;
  readonly #runId: string;
  readonly #place: InlinePlace;
  readonly #session: StepSession;
  readonly #nodes: readonly PlanNode[];
  readonly #shown: readonly ProgressNode[];
  readonly #outcomes: Outcome[];
  readonly #named = new Map<string, number>();
  readonly #outputs = new Map<number, unknown>();
  readonly #notes = new Map<number, unknown>();
  readonly #changes = new Map<number, KeptChanges>();

  constructor({ id, title }: { readonly id: string; readonly title: string }, plan: RunPlan, place: InlinePlace) {
    this.#runId = id;
    this.#place = place;
    this.#session = stepSession(async () => place.session);
    this.progress = nodeOf(id, title);
    this.#nodes = planNodes(plan);
    this.#outcomes = this.#nodes.map(() => 'idle');
    this.#shown = this.#nodes.map(({ path, step }) => nodeOf(`${id}.${path}`, step.title));
    for (const { position, parent, role, step } of this.#nodes) {
      if (role !== 'undo') this.#above(parent).sub_items.push(this.#node(position));
      if ('id' in step && step.id !== undefined) this.#named.set(step.id, position);
    }
  }

  async carryOut(): Promise<RunError | null> {
    this.progress.status = 'running';
    try {
      await this.#inOrder(this.#nodes.filter(({ role, parent }) => role !== 'undo' && parent === undefined));
      this.progress.status = 'positive';
      return null;
    } catch (error) {
      await this.#takeBack();
      this.progress.status = 'negative';
      return runErrorOf(error);
    }
  }

  async #inOrder(nodes: readonly PlanNode[]): Promise<void> {
    for (const node of nodes) await this.#take(node);
  }

  /** Every branch ends before the group does. */
  async #atOnce(nodes: readonly PlanNode[]): Promise<void> {
    const queue = [...nodes];
    const failures: unknown[] = [];
    const branch = async (): Promise<void> => {
      for (let node = queue.shift(); node; node = queue.shift())
        await this.#take(node).catch((error: unknown) => failures.push(error));
    };
    await Promise.all(Array.from({ length: Math.min(parallelMax, nodes.length) }, branch));
    if (failures.length > 0) throw failures[0];
  }

  async #take(node: PlanNode): Promise<void> {
    const { position, step } = node;
    const shown = this.#node(position);
    try {
      if ('when' in step && step.when && !(await this.#isWanted(step.when, shown))) {
        this.#end(position, 'skipped');
        return;
      }
      shown.status = 'running';
      if (node.role !== 'group') await this.#work(position, node.step);
      else {
        const children = node.children.flatMap((child) => this.#nodes[child] ?? []);
        await (node.step.mode === 'parallel' ? this.#atOnce(children) : this.#inOrder(children));
      }
      this.#end(position, 'positive');
    } catch (error) {
      this.#end(position, 'negative');
      if (node.role !== 'group') shown.error = runErrorOf(error);
      if (!('onError' in step) || step.onError !== 'continue') throw error;
    }
  }

  async #isWanted(when: Parameters<typeof conditionHolds>[0], shown: ProgressNode): Promise<boolean> {
    const { namespace, signal } = this.#place;
    const outcomeOf = (id: string) => this.#outcomes[this.#named.get(id) ?? -1] ?? 'idle';
    const { holds, because } = await conditionHolds(when, { session: this.#session, namespace, signal }, outcomeOf);
    if (!holds) log(shown, `Skipped: ${because}`);
    return holds;
  }

  #end(position: number, outcome: Outcome): void {
    this.#outcomes[position] = outcome;
    this.#node(position).status = outcome === 'negative' ? 'negative' : 'positive';
  }

  /** Tried again as the step's `retry` says. @throws Fault */
  async #work(position: number, step: WorkStep | UndoStep): Promise<void> {
    const { clock, signal } = this.#place;
    const retry = 'retry' in step ? step.retry : undefined;
    for (let failures = 0; ; failures++) {
      try {
        this.#outputs.set(position, await this.#untilDone(position, step));
        return;
      } catch (error) {
        const fault = withRemedies(toFault(error), step);
        if (!retry || failures >= retry.times || signal.aborted || fault.code === 'step_unknown') {
          await this.#abandon(position, step);
          throw fault;
        }
        const pauseSeconds = retry.pauseSeconds * 2 ** failures;
        log(this.#node(position), `${fault.publicMessage} Trying again in ${pauseSeconds} s.`);
        this.#notes.set(position, withoutWatch(this.#notes.get(position)));
        await clock.sleep(pauseSeconds * 1_000, signal);
      }
    }
  }

  /** A step that would give its run back is taken up again when it wants to be. */
  async #untilDone(position: number, step: WorkStep | UndoStep): Promise<unknown> {
    const { clock, signal, children, refusal } = this.#place;
    const refused = step.kind === 'approval' ? 'Nobody can be asked to approve here.' : refusal?.(step);
    if (refused !== undefined) throw new Fault('step_failed', { public: refused });
    for (;;) {
      signal.throwIfAborted();
      try {
        const resolved = resolveReferences(step, (id) => this.#outputs.get(this.#named.get(id) ?? -1));
        return await executeStep(resolved, this.#contextOf(position));
      } catch (error) {
        if (!(error instanceof RunWaits)) throw error;
        if (error.run !== undefined) await children.ended(error.run);
        else await clock.sleep(Math.max(0, error.until.getTime() - clock.nowMs()), signal);
      }
    }
  }

  #contextOf(position: number, signal = this.#place.signal): StepContext {
    const { namespace, clock, egress, kama, children } = this.#place;
    const changes = this.#changes.get(position) ?? new KeptChanges(namespace);
    this.#changes.set(position, changes);
    const undoes = this.#nodes[position]?.parent ?? -1;
    return {
      ...{ session: this.#session, run: { id: this.#runId, fence: 1 }, position, namespace, clock, egress, signal },
      ...{ kama, children, changes, dry: false, noted: this.#notes.get(position) ?? null },
      undone: () => Promise.resolve(this.#changes.get(undoes)?.all ?? []),
      guard: () => signal.throwIfAborted(),
      log: async (line) => log(this.#node(position), line),
      note: async (value) => void this.#notes.set(position, value),
    };
  }

  /** That the cluster cannot be reached keeps no run from ending. */
  async #abandon(position: number, step: WorkStep | UndoStep): Promise<void> {
    if (!leavesWork(step)) return;
    const context = this.#contextOf(position, AbortSignal.timeout(abandonMsMax));
    await abandonStep(step, context).catch((error: unknown) =>
      log(this.#node(position), `What it has left at work could not be taken away: ${toFault(error).publicMessage}`),
    );
  }

  /** The latest first. What cannot be taken back is said, and the rest is taken back all the same. */
  async #takeBack(): Promise<void> {
    const done = this.#nodes.filter(({ position, role }) => role === 'work' && this.#outcomes[position] === 'positive');
    for (const { position: of } of done.toReversed())
      for (const { position, parent, role, step } of this.#nodes) {
        if (role !== 'undo' || parent !== of) continue;
        const shown = this.#node(position);
        this.#above(of).sub_items.push(shown);
        shown.status = 'running';
        try {
          await this.#work(position, step);
          this.#end(position, 'positive');
        } catch (error) {
          this.#end(position, 'negative');
          shown.error = runErrorOf(error);
          log(shown, 'This could not be undone; the rest is.');
          break;
        }
      }
  }

  #node(position: number): ProgressNode {
    return this.#shown[position] ?? this.progress;
  }

  #above(parent: number | undefined): ProgressNode {
    return parent === undefined ? this.progress : this.#node(parent);
  }
}

function log({ logs }: ProgressNode, line: string): void {
  if (logs.length < logsKept) logs.push(line);
}
