import type { ObjectRef, PlanStep } from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import {
  changeLevel,
  deepOf,
  emptySpace,
  kamafileData,
  kamafileLabels,
  kamafileName,
  mergeVars,
  parseKamafile,
  unsetVars,
  type Vars,
} from '@nm/kernel/kamafile';
import { type Data, decoded, encoded } from '../installs/secret-data.js';
import { runInPod } from './exec-step.js';
import type { Workplace } from './workplace.js';

const lookEveryMs = 500;

/** carryOut does what one step of a plan says, as far as plans of descriptors go; groups are the caller's. @throws Fault step_failed, and the cluster's */
export async function carryOut(step: PlanStep, place: Workplace): Promise<void> {
  const { cluster, namespace, clock, signal, log } = place;
  if (step.kind === 'apply')
    for (const manifest of step.manifests) {
      await cluster.apply(manifest, namespace, signal);
      log(`${manifest.kind}/${manifest.metadata.name} applied`);
    }
  else if (step.kind === 'patch') {
    await cluster.patch(step.ref, namespace, step.patch, signal);
    log(`${nameOf(step.ref)} patched`);
  } else if (step.kind === 'variables') await changeVariables(step, place);
  else if (step.kind === 'await') await settle(step.refs, step.timeoutSeconds, 'ready', place);
  else if (step.kind === 'wait') await clock.sleep(step.seconds * 1_000, signal);
  else if (step.kind === 'exec') await runInPod(step, place);
  else if (step.kind === 'await-predicates') await untilHeld(step, place);
  else if (step.kind === 'delete' && !step.groups) {
    for (const ref of step.refs)
      log(`${nameOf(ref)} ${(await cluster.remove(ref, namespace, signal)) ? 'deleted' : 'was not there'}`);
    await settle(step.refs, step.timeoutSeconds, 'gone', place);
  } else
    throw new Fault('step_failed', {
      public: `A KAMA in a process of its own carries out no steps of kind "${step.kind}"; NMachine's run engine does.`,
    });
}

const nameOf = ({ kind, name }: ObjectRef): string => `${kind}/${name}`;

async function settle(
  refs: readonly ObjectRef[],
  timeoutSeconds: number,
  wanted: 'ready' | 'gone',
  { cluster, namespace, clock, signal, log }: Workplace,
): Promise<void> {
  const startedMs = clock.monotonicMs();
  const open = new Map(refs.map((ref) => [nameOf(ref), { ref, reason: '' }]));
  for (;;) {
    for (const [name, each] of open) {
      const { state, reason } = await cluster.stateOf(each.ref, namespace, signal);
      if (state === wanted) open.delete(name);
      if (state === wanted || reason !== each.reason) log(`${name}: ${reason}`);
      each.reason = reason;
      if (state === 'failed' && wanted === 'ready') throw new Fault('step_failed', { public: `${name}: ${reason}` });
    }
    if (open.size === 0) return;
    const late = [...open].map(([name, { reason }]) => `${name}: ${reason}`).join('; ');
    if (clock.monotonicMs() - startedMs > timeoutSeconds * 1000) throw new Fault('run_timeout', { public: late });
    await clock.sleep(lookEveryMs, signal);
  }
}

/** A check that fails is a reason like another: what it looks at may come yet. */
async function untilHeld(
  { predicates, timeoutSeconds }: Extract<PlanStep, { kind: 'await-predicates' }>,
  { check, clock, signal, log }: Workplace,
): Promise<void> {
  const startedMs = clock.monotonicMs();
  let last: string | undefined = '';
  for (;;) {
    const seen = await check(predicates, signal);
    if (seen !== last) log(seen ?? 'all predicates hold');
    if (seen === undefined) return;
    last = seen;
    if (clock.monotonicMs() - startedMs > timeoutSeconds * 1_000)
      throw new Fault('run_timeout', { public: `Not done within ${timeoutSeconds} s: ${last}.` });
    await clock.sleep(lookEveryMs, signal);
  }
}

type VariablesStep = Extract<PlanStep, { kind: 'variables' }>;

/** The object is written at the resourceVersion that was read: who was faster wins, and the step is done once more. */
async function changeVariables(step: VariablesStep, place: Workplace): Promise<void> {
  const { cluster, namespace, signal, log } = place;
  const kind = step.secret ? 'Secret' : 'ConfigMap';
  const ref = { apiVersion: 'v1', kind, name: kamafileName };
  const object = await cluster.session.get(ref, namespace, signal);
  const was = (object?.['data'] ?? {}) as Data;
  const kamafile = parseKamafile(step.secret ? decoded(was) : was);
  const space = changeLevel(kamafile.get(step.space) ?? emptySpace, step.level, (vars) => changed(step, vars));
  const text = kamafileData(new Map([...kamafile, [step.space, space]]));
  const data = step.secret ? encoded(text) : text;
  const { resourceVersion } = (object?.metadata ?? {}) as { resourceVersion?: string };
  if (resourceVersion === undefined) {
    const metadata = { name: kamafileName, labels: { ...kamafileLabels } };
    await cluster.apply({ apiVersion: 'v1', kind, metadata, data } as never, namespace, signal);
  } else await cluster.patch(ref, namespace, { metadata: { resourceVersion }, data }, signal);
  log(`variables of ${step.level} in space ${step.space} changed`);
}

function changed({ merge, set, unset }: VariablesStep, vars: Vars): Vars {
  if (merge) return mergeVars(vars, deepOf(merge as Vars));
  return set ? deepOf(set as Vars) : unsetVars(vars, unset ?? []);
}
