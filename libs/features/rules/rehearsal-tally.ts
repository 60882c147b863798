import type { Rehearsal } from '@nm/kernel/contracts';
import {
  type Decision,
  type RehearsalSample,
  type Rehearsal as Rehearsed,
  type RequestFacts,
  refusalOf,
} from '@nm/kernel/licensing';

type LicenceTally = Rehearsal['licences'][number];

const examplesMax = 5;
const licencesMax = 200;
const counted = { 'let-in': 'letIn', 'shut-out': 'shutOut', differently: 'otherwise' } as const;

/** outcomeOf is what a request meets. */
export function outcomeOf(decision: Decision, request: RequestFacts): Rehearsal['inputs'][number]['before'] {
  const { effect, code, ruleId } = decision;
  const refusal = refusalOf(decision, request);
  return { effect, code, ruleId, ...(refusal === undefined ? {} : { refusal }) };
}

/** tallyOf adds up, by licence and over all, what proposed rules change. */
export function tallyOf(
  samples: readonly RehearsalSample[],
  { requests, changes }: Rehearsed,
): Pick<Rehearsal, 'requests' | 'letIn' | 'shutOut' | 'otherwise' | 'same' | 'licences' | 'failing'> {
  const licences = new Map<string, LicenceTally>();
  for (const { input, weight } of samples) licenceIn(licences, input).same += weight;
  const failing = new Map<string, number>();
  for (const { index, kind, now, proposed } of changes) {
    const { input, atMs, weight } = samples[index] as RehearsalSample;
    const licence = licenceIn(licences, input);
    licence.same -= weight;
    licence[counted[kind]] += weight;
    const { request } = input;
    const [before, after] = [outcomeOf(now.decision, request), outcomeOf(proposed.decision, request)];
    const at = new Date(atMs).toISOString();
    if (licence.examples.length < examplesMax) licence.examples.push({ at, request, before, after });
    if (after.code === 'rule_failed') failing.set(after.ruleId, (failing.get(after.ruleId) ?? 0) + weight);
  }
  const changed = ({ letIn, shutOut, otherwise }: LicenceTally): number => letIn + shutOut + otherwise;
  return {
    requests: samples.reduce((sum, { weight }) => sum + weight, 0),
    ...{
      letIn: requests['let-in'],
      shutOut: requests['shut-out'],
      otherwise: requests.differently,
      same: requests.same,
    },
    licences: [...licences.values()]
      .filter((licence) => changed(licence) > 0)
      .sort((a, b) => changed(b) - changed(a))
      .slice(0, licencesMax),
    failing: [...failing].map(([ruleId, count]) => ({ ruleId, requests: count })),
  };
}

function licenceIn(licences: Map<string, LicenceTally>, { licence, customer }: RehearsalSample['input']): LicenceTally {
  const known = licences.get(licence.id);
  if (known) return known;
  const made = {
    licenceId: licence.id,
    customer: customer.name,
    letIn: 0,
    shutOut: 0,
    otherwise: 0,
    same: 0,
    examples: [],
  };
  licences.set(licence.id, made);
  return made;
}
