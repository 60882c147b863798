import type { DecisionInput, LicenceFacts, RequestFacts, StandingFacts } from './facts.js';
import type { Timeline } from './timeline.js';

/** Stands for "never" in expressions; far enough from the end of CEL's calendar (9999) that adding to it does no harm. */
export const endOfTimeMs = Date.UTC(9000, 0, 1);

const instant = (ms: number): Date => new Date(Math.min(ms, endOfTimeMs));

/** The objects that expressions see. Classes, because the evaluator finds the type of a value by its constructor. */
export class LicenceVars {
  readonly id: string;
  readonly state: string;
  readonly trial: boolean;
  readonly perpetual: boolean;
  readonly starts_at: Date;
  readonly expires_at: Date;
  readonly full_until: Date;
  readonly ends_at: Date;

  constructor({ id, state, trial }: LicenceFacts & { readonly id: string }, timeline: Timeline) {
    this.id = id;
    this.state = state;
    this.trial = trial;
    this.perpetual = timeline.expiresAtMs === Infinity;
    this.starts_at = instant(timeline.startsAtMs);
    this.expires_at = instant(timeline.expiresAtMs);
    this.full_until = instant(timeline.fullUntilMs);
    this.ends_at = instant(timeline.endsAtMs);
  }
}

type Fields = Readonly<Record<string, unknown>>;

/** A key `constructor` would hide the type of a plain object from the evaluator, and every rule that reads it would fail. */
const mapOf = (fields: Fields): Fields | ReadonlyMap<string, unknown> =>
  Object.hasOwn(fields, 'constructor') ? new Map(Object.entries(fields)) : fields;

export class PlanVars {
  readonly slug: string;
  readonly entitlements: ReturnType<typeof mapOf>;
  readonly limits: ReturnType<typeof mapOf>;

  constructor({ slug, entitlements, limits }: StandingFacts['plan']) {
    this.slug = slug;
    this.entitlements = mapOf(entitlements);
    this.limits = mapOf(limits);
  }
}

export class CustomerVars {
  readonly id: string;
  readonly name: string;

  constructor({ id, name }: StandingFacts['customer']) {
    this.id = id;
    this.name = name;
  }
}

/** Without an install all three are empty. */
export class InstallVars {
  readonly id: string;
  readonly cluster_id: string;
  readonly namespace: string;

  constructor(install: StandingFacts['install']) {
    this.id = install?.id ?? '';
    this.cluster_id = install?.clusterId ?? '';
    this.namespace = install?.namespace ?? '';
  }
}

export class RequestVars {
  readonly method: string;
  readonly path: string;
  readonly route_class: string;
  readonly address: string;

  constructor({ method, path, routeClass, address }: RequestFacts) {
    this.method = method;
    this.path = path;
    this.route_class = routeClass;
    this.address = address;
  }
}

/** The variables of an expression. `request` and `now` are set for each evaluation. */
export interface Variables {
  readonly licence: LicenceVars;
  readonly plan: PlanVars;
  readonly customer: CustomerVars;
  readonly install: InstallVars;
  readonly version: string;
  readonly channel: string;
  request: RequestVars | undefined;
  now: Date;
}

/** variablesOf turns facts into what expressions see. */
export function variablesOf(facts: StandingFacts, timeline: Timeline): Variables {
  return {
    licence: new LicenceVars(facts.licence, timeline),
    plan: new PlanVars(facts.plan),
    customer: new CustomerVars(facts.customer),
    install: new InstallVars(facts.install),
    version: facts.version,
    channel: facts.channel ?? '',
    request: undefined,
    now: new Date(0),
  };
}

/** variablesOfInput is `variablesOf` with the request and the time. */
export function variablesOfInput(input: DecisionInput, timeline: Timeline, nowMs: number): Variables {
  const variables = variablesOf(input, timeline);
  variables.request = new RequestVars(input.request);
  variables.now = new Date(nowMs);
  return variables;
}
