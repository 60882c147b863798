import { z } from 'zod';
import { AccessRule, rulesMax } from './access-rules.js';
import { Entitlements, GraceSteps, LicenceState } from './licences.js';
import { Limits } from './limits.js';
import { Id, Instant, PageQuery } from './primitives.js';

export const Effect = z.enum(['allow', 'read-only', 'deny']);
export type Effect = z.infer<typeof Effect>;

export const RouteClass = z.enum(['read', 'validate', 'mutate', 'admin']);
export type RouteClass = z.infer<typeof RouteClass>;

/** SampledRequest is what a decision looked at of a request; never a header, a query or a body. */
export const SampledRequest = z
  .object({ method: z.string(), path: z.string(), routeClass: RouteClass, address: z.string() })
  .meta({ id: 'SampledRequest' });
export type SampledRequest = z.infer<typeof SampledRequest>;

/** SampledFacts is what else it looked at, as it was then: enough to decide again. Times are in milliseconds since 1970. */
export const SampledFacts = z
  .object({
    licence: z.object({
      state: LicenceState,
      startsAtMs: z.number(),
      expiresAtMs: z.number().optional(),
      grace: GraceSteps,
      trial: z.boolean(),
    }),
    plan: z.object({ slug: z.string(), entitlements: Entitlements, limits: Limits }),
    customer: z.object({ id: z.string(), name: z.string() }),
    install: z.object({ id: z.string(), clusterId: z.string(), namespace: z.string() }).optional(),
    /** Names; absent when the request did not get as far as choosing one. */
    version: z.string().optional(),
    channel: z.string().optional(),
  })
  .meta({ id: 'SampledFacts' });
export type SampledFacts = z.infer<typeof SampledFacts>;

/** DecisionView is one request as it was decided, with what it was decided from. */
export const DecisionView = z
  .object({
    id: Id,
    at: Instant,
    effect: Effect,
    code: z.string(),
    ruleId: z.string().optional(),
    /** Absent: the app had no rules of its own. */
    ruleSetVersion: z.number().int().optional(),
    /** How many requests this one stands for. */
    weight: z.number().int(),
    installId: Id.optional(),
    requestId: z.string().optional(),
    request: SampledRequest,
    facts: SampledFacts,
  })
  .meta({ id: 'DecisionView' });
export type DecisionView = z.infer<typeof DecisionView>;

/** OwnDecision is what a licensee may know of a decision: not the publisher's rules, nor what they look at. */
export const OwnDecision = z
  .object({
    id: Id,
    at: Instant,
    effect: Effect,
    code: z.string(),
    weight: z.number().int(),
    requestId: z.string().optional(),
    request: SampledRequest.pick({ method: true, path: true }),
  })
  .meta({ id: 'OwnDecision' });
export type OwnDecision = z.infer<typeof OwnDecision>;

export const DecisionQuery = PageQuery.extend({ effect: Effect.optional(), code: z.string().max(63).optional() });
export type DecisionQuery = z.infer<typeof DecisionQuery>;

/** A request that somebody imagines: of a licence as it is, or of facts that are given. */
const imagined = z
  .strictObject({
    licenceId: Id.optional(),
    facts: SampledFacts.optional(),
    request: SampledRequest,
    /** Absent: now. */
    at: Instant.optional(),
  })
  .refine(({ licenceId, facts }) => (licenceId === undefined) !== (facts === undefined), {
    message: 'name either a licence or facts',
    path: ['licenceId'],
  });

/** RehearseRules asks what proposed rules would have done. */
export const RehearseRules = z
  .strictObject({
    rules: z.array(AccessRule).max(rulesMax),
    /** How far back recorded requests are taken. */
    days: z.number().int().min(0).max(30).default(7),
    inputs: z.array(imagined).max(50).default([]),
  })
  .meta({ id: 'RehearseRules' });
export type RehearseRules = z.infer<typeof RehearseRules>;

const outcome = z.object({
  effect: Effect,
  code: z.string(),
  ruleId: z.string(),
  /** With what a request is turned away; absent: it passes. */
  refusal: z.string().optional(),
});

/** Rehearsal compares proposed rules with those in force. Numbers count requests, not samples. */
export const Rehearsal = z
  .object({
    /** The version that the proposed rules are compared with. */
    version: z.number().int(),
    requests: z.number().int(),
    /** True: there were more recorded requests than were looked at; the newest were. */
    truncated: z.boolean(),
    letIn: z.number().int(),
    shutOut: z.number().int(),
    /** As many get through as before, but by another rule, in another mode or with another code. */
    otherwise: z.number().int(),
    same: z.number().int(),
    /** Those to whom something changes, most requests first. */
    licences: z.array(
      z.object({
        licenceId: Id,
        customer: z.string(),
        letIn: z.number().int(),
        shutOut: z.number().int(),
        otherwise: z.number().int(),
        same: z.number().int(),
        /** At most 5. */
        examples: z.array(z.object({ at: Instant, request: SampledRequest, before: outcome, after: outcome })),
      }),
    ),
    /** Rules that newly could not be evaluated on some request, which denies it. */
    failing: z.array(z.object({ ruleId: z.string(), requests: z.number().int() })),
    inputs: z.array(z.object({ before: outcome, after: outcome })),
  })
  .meta({ id: 'Rehearsal' });
export type Rehearsal = z.infer<typeof Rehearsal>;
