import type { Db, Tx } from '@nm/adapters/db';
import { requireApp } from '@nm/features/apps';
import {
  Entitlements,
  Limits,
  type Rehearsal,
  type RehearseRules,
  SampledFacts,
  SampledRequest,
} from '@nm/kernel/contracts';
import { Fault } from '@nm/kernel/fault';
import {
  compileRules,
  type DecisionInput,
  decide,
  licenceFactsOf,
  loadRules,
  type RehearsalSample,
  rehearse,
} from '@nm/kernel/licensing';
import type { Clock } from '@nm/kernel/time';
import { outcomeOf, tallyOf } from './rehearsal-tally.js';
import { newestRules } from './rule-sets.js';

/** Recorded requests looked at, at most; the newest. */
const samplesMax = 5_000;
const dayMs = 86_400_000;

interface SampleRow {
  readonly licenceId: string;
  readonly at: Date;
  readonly weight: number;
  readonly request: unknown;
  readonly facts: unknown;
}

/** inputOf makes recorded facts into what `decide` takes. */
function inputOf(licenceId: string, { licence, ...facts }: SampledFacts, request: SampledRequest): DecisionInput {
  return {
    licence: { ...licence, id: licenceId, expiresAtMs: licence.expiresAtMs },
    plan: facts.plan,
    customer: facts.customer,
    install: facts.install,
    version: facts.version ?? '',
    channel: facts.channel,
    request,
  };
}

/**
 * rehearseRules asks what proposed rules would have done to recorded requests, and would do to imagined ones, compared with the rules in force.
 * Nothing is saved.
 * @throws Fault not_found; rules_invalid
 */
export async function rehearseRules(
  { db, clock }: { readonly db: Db; readonly clock: Clock },
  orgId: string,
  app: string,
  body: RehearseRules,
): Promise<Rehearsal> {
  const proposed = compileRules(body.rules);
  const now = clock.now();
  const { current, samples, inputs } = await db.withOrg(orgId, async (tx) => {
    const { id: appId } = await requireApp(tx, orgId, app);
    return {
      current: await newestRules(tx, appId),
      samples: await recorded(tx, appId, new Date(now.getTime() - body.days * dayMs)),
      inputs: await imagined(tx, appId, body.inputs, now),
    };
  });
  const inForce = loadRules(current.rules);
  const taken = samples.slice(0, samplesMax).flatMap(sampleOf);
  return {
    version: current.version,
    truncated: samples.length > samplesMax,
    ...tallyOf(taken, rehearse(inForce, proposed, taken)),
    inputs: inputs.map(({ input, atMs }) => ({
      before: outcomeOf(decide(inForce, input, atMs), input.request),
      after: outcomeOf(decide(proposed, input, atMs), input.request),
    })),
  };
}

/** sampleOf makes a row into what is rehearsed; none of a row that an older version wrote and this one cannot read. */
function sampleOf({ licenceId, at, weight, ...row }: SampleRow): RehearsalSample[] {
  const facts = SampledFacts.safeParse(row.facts);
  const request = SampledRequest.safeParse(row.request);
  if (!facts.success || !request.success) return [];
  return [{ input: inputOf(licenceId, facts.data, request.data), atMs: at.getTime(), weight }];
}

function recorded(tx: Tx, appId: string, since: Date): Promise<SampleRow[]> {
  return tx.decisionSample.findMany({
    where: { appId, at: { gte: since } },
    orderBy: { at: 'desc' },
    take: samplesMax + 1,
    select: { licenceId: true, at: true, weight: true, request: true, facts: true },
  });
}

async function imagined(tx: Tx, appId: string, inputs: RehearseRules['inputs'], now: Date) {
  const made: { input: DecisionInput; atMs: number }[] = [];
  for (const [index, { licenceId, facts, request, at }] of inputs.entries()) {
    const known = facts ?? (await factsOfLicence(tx, appId, licenceId ?? '', index));
    const atMs = at === undefined ? now.getTime() : Date.parse(at);
    made.push({ input: inputOf(licenceId ?? 'lic_imagined', known, request), atMs });
  }
  return made;
}

async function factsOfLicence(tx: Tx, appId: string, id: string, index: number): Promise<SampledFacts> {
  const row = await tx.licence.findFirst({ where: { id, appId }, include: { plan: true, customer: true } });
  if (!row)
    throw new Fault('invalid_body', {
      extra: { issues: [{ path: `inputs.${index}.licenceId`, message: 'there is no such licence of this app' }] },
    });
  const { state, startsAtMs, expiresAtMs, grace, trial } = licenceFactsOf(row);
  return {
    licence: { state, startsAtMs, ...(expiresAtMs === undefined ? {} : { expiresAtMs }), grace: [...grace], trial },
    plan: {
      slug: row.plan.slug,
      entitlements: Entitlements.parse(row.plan.entitlements),
      limits: Limits.parse(row.plan.limits),
    },
    customer: { id: row.customer.id, name: row.customer.name },
  };
}
