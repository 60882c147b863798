import type { Rehearsal } from '@nm/kernel/contracts';

type Example = Rehearsal['licences'][number]['examples'][number];

/** One recorded request under both rule sets. */
export interface Comparison extends Example {
  readonly licenceId: string;
  readonly customer: string;
  /** Requests that it stands for. */
  readonly weight: number;
}

const examplesMax = 5;
const licencesMax = 200;

type Verdict = 'letIn' | 'shutOut' | 'otherwise' | 'same';

/** verdictOf says what proposed rules change for one request. */
function verdictOf({ before, after }: Example): Verdict {
  if (before.refusal === after.refusal) return 'same';
  if (before.refusal === undefined) return 'shutOut';
  return after.refusal === undefined ? 'letIn' : 'otherwise';
}

const zero = () => ({ letIn: 0, shutOut: 0, otherwise: 0, same: 0 });

/** RehearsalTally adds up, by licence and over all, what proposed rules change. */
export class RehearsalTally {
  readonly #all = zero();
  readonly #licences = new Map<string, Rehearsal['licences'][number]>();
  readonly #failing = new Map<string, number>();

  add({ licenceId, customer, weight, ...example }: Comparison): void {
    const verdict = verdictOf(example);
    this.#all[verdict] += weight;
    const licence = this.#licences.get(licenceId) ?? { licenceId, customer, ...zero(), examples: [] };
    this.#licences.set(licenceId, licence);
    licence[verdict] += weight;
    if (verdict !== 'same' && licence.examples.length < examplesMax) licence.examples.push(example);
    const { code, ruleId } = example.after;
    if (code === 'rule_failed') this.#failing.set(ruleId, (this.#failing.get(ruleId) ?? 0) + weight);
  }

  result(): Pick<Rehearsal, 'requests' | 'letIn' | 'shutOut' | 'otherwise' | 'same' | 'licences' | 'failing'> {
    const changed = ({ letIn, shutOut, otherwise }: Rehearsal['licences'][number]): number =>
      letIn + shutOut + otherwise;
    const { letIn, shutOut, otherwise, same } = this.#all;
    return {
      requests: letIn + shutOut + otherwise + same,
      ...this.#all,
      licences: [...this.#licences.values()]
        .filter((licence) => changed(licence) > 0)
        .sort((a, b) => changed(b) - changed(a))
        .slice(0, licencesMax),
      failing: [...this.#failing].map(([ruleId, requests]) => ({ ruleId, requests })),
    };
  }
}
