import type { TemplateWorkers } from '@nm/adapters/templating';
import { newOperationState, type OperationState, type PlannedAction, withJob } from '@nm/kama-sdk';
import type { ProgressNode } from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import type { Clock } from '@nm/kernel/time';
import type { OwnApp } from '../own/open-own.js';
import { newOperationToken } from '../server/new-operation-token.js';
import { openVisit } from '../server/open-visit.js';
import { jobOf, startPlanned } from '../server/start-planned.js';
import type { Visit } from '../server/visit.js';
import type { Script } from './script.js';

export type Told = (line: string) => void;

export interface Stage {
  readonly own: OwnApp;
  readonly templates: TemplateWorkers;
  readonly clock: Clock;
}

const failed = (what: string): Fault => new Fault('descriptor_failed', { public: what });

/** rehearse goes through an operation as a client would: asks, validates, runs, waits, and goes where `next` leads. @throws Fault when it comes out otherwise */
export async function rehearse(stage: Stage, script: Script, tell: Told): Promise<void> {
  const visit = (): Visit => {
    const { signal } = new AbortController();
    return openVisit(stage, stage.own.address(signal), signal);
  };
  tell(`${script.operation}`);
  if (script.preflight) await preflight(visit(), stage, script, tell);
  let state = newOperationState(newOperationToken(), script.operation);
  for (const [index, line] of script.lines.entries()) {
    const last = index === script.lines.length - 1;
    state = await perform({ stage, visit, script, line, tell }, state);
    const next = await visit().session.nextStep(script.operation, line.step, state);
    const wanted = script.lines[index + 1]?.step;
    if (line.expect === 'positive' && !last && next !== 'default' && next !== wanted)
      throw failed(`after "${line.step}" comes "${next}", and the simulator goes on with "${wanted ?? ''}".`);
    if (last) tell(`  next: ${next}`);
  }
}

interface Scene {
  readonly stage: Stage;
  readonly visit: () => Visit;
  readonly script: Script;
  readonly line: Script['lines'][number];
  readonly tell: Told;
}

async function perform({ stage, visit, script, line, tell }: Scene, state: OperationState): Promise<OperationState> {
  const { step, input, expect } = line;
  const { step: shown } = await visit().session.refreshStep(script.operation, step, input, state);
  const ids = shown.fields.map(({ id }) => id);
  tell(`  ${step}: ${ids.join(', ') || 'nothing to fill in'}`);
  const strange = Object.keys(input).filter((id) => !ids.includes(id));
  if (strange.length > 0) throw failed(`"${step}" does not ask for ${strange.join(', ')} here.`);
  const refused = script.validations ? await refusals(visit(), script, line, state) : [];
  for (const each of refused) tell(`    ${each}`);
  if (expect === 'invalid') {
    if (refused.length === 0) throw failed(`"${step}" takes what it should refuse.`);
    return state;
  }
  if (refused.length > 0) throw failed(refused.join(' '));
  const current = visit();
  const submitted = await current.session.submitStep(script.operation, step, input, state);
  if (!submitted.planned) return submitted.state;
  const { status, job, progress } = await outcome(current, stage, submitted.planned);
  for (const text of treeOf(progress)) tell(`    ${text}`);
  if (status !== expect) throw failed(`"${step}" came out ${status}, and ${expect} was expected.`);
  return withJob(submitted.state, step, job);
}

async function refusals(
  { session }: Visit,
  script: Script,
  { step, input }: Scene['line'],
  state: OperationState,
): Promise<string[]> {
  const lines: string[] = [];
  for (const [field, value] of Object.entries(input)) {
    const { status, message } = await session.validateField(script.operation, step, field, value, state, input);
    if (status === 'error') lines.push(`${field}: ${message ?? 'not valid'}.`);
  }
  return lines;
}

async function preflight(visit: Visit, stage: Stage, script: Script, tell: Told): Promise<void> {
  const planned = await visit.session.preflight(script.operation);
  if (!planned) return;
  const { status, progress } = await outcome(visit, stage, planned);
  tell(`  preflight: ${status}`);
  for (const text of treeOf(progress)) tell(`    ${text}`);
  if (status !== 'positive') throw failed('the preflight checks did not pass.');
}

async function outcome(visit: Visit, { own }: Stage, planned: PlannedAction) {
  const job = await startPlanned(visit, planned);
  await own.settled();
  return { job, ...(await jobOf(visit, job)) };
}

function treeOf(node: ProgressNode | null, depth = 0): string[] {
  if (!node) return [];
  const why = node.error ? `: ${node.error.reason}` : '';
  return [
    `${'  '.repeat(depth)}${node.status} ${node.title}${why}`,
    ...node.sub_items.flatMap((each) => treeOf(each, depth + 1)),
  ];
}
