import type { StepStatus } from '@nm/kernel/contracts';
import { invariant, isFault } from '@nm/kernel/fault';
import { type PlanNode, planNodes } from '../plan/plan-nodes.js';
import { faultOfError } from '../run-error.js';
import { isOurs } from '../run-rules.js';
import { askPerson } from '../step-in-doubt.js';
import { conditionHolds } from '../steps/condition.js';
import { joinWaits, RunWaits } from '../steps/run-waits.js';
import type { ClaimedStep } from './claim-run.js';
import { abandonWork, type RunWork, takeStep } from './take-step.js';

/** Steps of one parallel group that are worked on at the same time. */
const parallelMax = 8;

type Outcome = 'positive' | 'negative' | 'skipped';

/**
 * PlanWalk goes through what is left of a plan: sequences in order, parallel groups at once. Every node that has ended has been recorded, so
 * a walk begins where the one before it was cut off.
 */
export class PlanWalk {
  readonly #work: RunWork;
  readonly #nodes: readonly PlanNode[];
  readonly #status: StepStatus[];
  readonly #positions = new Map<string, number>();

  constructor(work: RunWork) {
    this.#work = work;
    this.#nodes = planNodes(work.run.plan);
    this.#status = this.#nodes.map(({ position }) => this.#row(position).status);
    for (const { position, step } of this.#nodes)
      if ('id' in step && step.id !== undefined) this.#positions.set(step.id, position);
  }

  /** walk does the plan's steps. @throws RunWaits, or the Fault of the step that stopped it */
  async walk(): Promise<void> {
    await this.#inOrder(this.#nodes.filter(({ role, parent }) => role !== 'undo' && parent === undefined));
  }

  /** undo takes back, the latest first, what was done and knows how to be undone. What cannot be undone is recorded, and the rest goes on. */
  async undo(): Promise<void> {
    const { ledger, control } = this.#work;
    const done = this.#nodes.filter(({ position, role }) => role === 'work' && this.#status[position] === 'positive');
    for (const { position: of } of done.toReversed()) {
      for (const node of this.#nodes) {
        if (node.role !== 'undo' || node.parent !== of || this.#hasEnded(node.position)) continue;
        try {
          await takeStep(this.#work, this.#row(node.position), node.step);
          this.#status[node.position] = 'positive';
        } catch (error) {
          control.signal.throwIfAborted();
          if (error instanceof RunWaits || (isFault(error) && isOurs(error.code))) throw error;
          ledger.log(node.position, 'This could not be undone; the rest is.');
          break;
        }
      }
    }
  }

  /** abandon takes away what the steps have left at work on the cluster that the end of the run cuts off. */
  async abandon(): Promise<void> {
    const { steps } = this.#work.run;
    await Promise.all(
      this.#nodes.map(async (node) => {
        const row = steps[node.position];
        if (node.role !== 'group' && row?.status === 'running') await abandonWork(this.#work, row, node.step);
      }),
    );
  }

  /** hasUndo tells whether anything that was done knows how to be undone. */
  hasUndo(): boolean {
    return this.#nodes.some(
      ({ role, parent, position }) =>
        role === 'undo' && parent !== undefined && this.#status[parent] === 'positive' && !this.#hasEnded(position),
    );
  }

  async #inOrder(nodes: readonly PlanNode[]): Promise<void> {
    for (const node of nodes) await this.#take(node);
  }

  /** Lets every branch end before it says how the group did: a failure elsewhere is no reason to leave a step half done. */
  async #atOnce(nodes: readonly PlanNode[]): Promise<void> {
    const queue = [...nodes];
    const reasons: Error[] = [];
    const branch = async (): Promise<void> => {
      for (let node = queue.shift(); node; node = queue.shift())
        await this.#take(node).catch((error: Error) => reasons.push(error));
    };
    await Promise.all(Array.from({ length: Math.min(parallelMax, nodes.length) }, branch));
    // What says that this worker cannot go on comes before what a branch has met.
    const ours = reasons.find((reason) => isFault(reason) && isOurs(reason.code));
    if (ours) throw ours;
    const waits = reasons.filter((reason) => reason instanceof RunWaits);
    const failure = reasons.find((reason) => !(reason instanceof RunWaits));
    // A branch that has given its worker back between two looks is at work; one that waits for somebody is not.
    const [wait, ...others] = failure ? waits.filter(({ keepsDeadline }) => keepsDeadline) : waits;
    if (wait) throw joinWaits([wait, ...others]);
    if (failure) throw failure;
  }

  async #take(node: PlanNode): Promise<Outcome> {
    const { position } = node;
    const ended = this.#endedBefore(node);
    if (ended) return ended;
    if (await this.#isSkipped(node)) return 'skipped';
    try {
      if (node.role === 'group') await this.#takeGroup(node);
      else await takeStep(this.#work, this.#row(position), node.step);
      this.#status[position] = 'positive';
      return 'positive';
    } catch (error) {
      if (error instanceof RunWaits || this.#work.control.signal.aborted) throw error;
      if (isFault(error) && isOurs(error.code)) throw error;
      this.#status[position] = 'negative';
      if (!goesOn(node)) throw error;
      return 'negative';
    }
  }

  /** How the node ended in an earlier claim; one that failed and stops the plan stops it again. */
  #endedBefore(node: PlanNode): Outcome | undefined {
    const status = this.#status[node.position];
    if (status === 'positive' || status === 'skipped') return status;
    if (status !== 'negative' && status !== 'unknown') return undefined;
    if (goesOn(node)) return 'negative';
    const { error, finishedAt } = this.#row(node.position);
    const fault = faultOfError(error);
    if (status === 'unknown' && finishedAt) {
      const wait = askPerson(fault, finishedAt);
      if (wait.until > this.#work.engine.clock.now()) throw wait;
    }
    throw fault;
  }

  /** The condition is asked once: a step that was begun has been let through. */
  async #isSkipped(node: PlanNode): Promise<boolean> {
    const { position, step } = node;
    if (!('when' in step) || !step.when || this.#status[position] !== 'idle') return false;
    const { session, run, control, ledger } = this.#work;
    const sight = { session, namespace: run.namespace, signal: control.signal };
    const { holds, because } = await conditionHolds(step.when, sight, (id) => this.#outcomeOf(id));
    if (holds) return false;
    control.guard();
    ledger.log(position, `Skipped: ${because}`);
    await ledger.record({ position, title: step.title, status: 'skipped', attempt: 0 });
    this.#status[position] = 'skipped';
    return true;
  }

  async #takeGroup(node: Extract<PlanNode, { role: 'group' }>): Promise<void> {
    const { position, step, children } = node;
    const { ledger, control } = this.#work;
    const { title } = step;
    control.guard();
    if (this.#status[position] === 'idle') ledger.recordLater({ position, title, status: 'running', attempt: 1 });
    this.#status[position] = 'running';
    const nodes = children.map((child) => this.#node(child));
    try {
      await (step.mode === 'parallel' ? this.#atOnce(nodes) : this.#inOrder(nodes));
    } catch (error) {
      const isFailure = !(error instanceof RunWaits) && !(isFault(error) && isOurs(error.code));
      if (isFailure && !control.signal.aborted)
        await ledger.record({ position, title, status: 'negative', attempt: 1 });
      throw error;
    }
    ledger.recordSoon({ position, title, status: 'positive', attempt: 1 });
  }

  #outcomeOf(id: string): string {
    const status = this.#status[this.#positions.get(id) ?? -1];
    return status === 'unknown' ? 'negative' : (status ?? 'idle');
  }

  #hasEnded(position: number): boolean {
    const status = this.#status[position];
    return status !== 'idle' && status !== 'running';
  }

  #node(position: number): PlanNode {
    const node = this.#nodes[position];
    invariant(node, `the plan has a node ${position}`);
    return node;
  }

  #row(position: number): ClaimedStep {
    const row = this.#work.run.steps[position];
    invariant(row?.position === position, `run ${this.#work.run.id} has a row for step ${position}`);
    return row;
  }
}

const goesOn = ({ step }: PlanNode): boolean => 'onError' in step && step.onError === 'continue';
