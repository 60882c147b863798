/** One step of the time after expiry. Steps follow each other without a gap. */
export interface GraceStep {
  readonly mode: 'full' | 'read-only';
  /** Whole seconds, 0 or more. */
  readonly seconds: number;
}

/** All that the built-in rules look at. Times are Unix milliseconds. */
export interface LicenceFacts {
  readonly state: 'active' | 'suspended' | 'revoked';
  readonly startsAtMs: number;
  /** Absent: never expires. */
  readonly expiresAtMs: number | undefined;
  /** What is still allowed after expiry, in this order; then nothing. */
  readonly grace: readonly GraceStep[];
  /** A trial that has ended is told so (`trial_ended`, 402) instead of `licence_expired`. */
  readonly trial: boolean;
  /** The licence runs for so long from its first use; `usedAtMs` is absent until then. `expiresAtMs`, if earlier, still ends it. */
  readonly firstUse?: { readonly seconds: number; readonly usedAtMs: number | undefined } | undefined;
}

/** What a request does to the app: kama routes are sorted by `routeClassOf`. */
export type RouteClass = 'read' | 'validate' | 'mutate' | 'admin';

export interface RequestFacts {
  /** As sent, upper case. */
  readonly method: string;
  /** Path inside the app, without query: `/api/variables/all`. */
  readonly path: string;
  readonly routeClass: RouteClass;
  /** Client's IP address, as text. */
  readonly address: string;
}

/** What does not change from request to request while no fact changes. */
export interface StandingFacts {
  readonly licence: LicenceFacts & { readonly id: string };
  readonly plan: {
    readonly slug: string;
    readonly entitlements: Readonly<Record<string, boolean | number | string>>;
    readonly limits: Readonly<Record<string, unknown>>;
  };
  readonly customer: { readonly id: string; readonly name: string };
  /** Absent: the licence has no install, or the request names none. */
  readonly install?: { readonly id: string; readonly clusterId: string; readonly namespace: string } | undefined;
  /** Name of the app's version. */
  readonly version: string;
  /** The channel that picked the version; absent when the path names one. */
  readonly channel?: string | undefined;
  /** Says which state of the store this was read from; a decision carries it on. */
  readonly factsVersion?: string | undefined;
}

/** Everything that a decision looks at, except the time. */
export interface DecisionInput extends StandingFacts {
  readonly request: RequestFacts;
}
