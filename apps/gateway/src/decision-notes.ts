import type { DecisionNote, DecisionRecorder, FirstUses } from '@nm/features/decisions';
import type { Ticket, Visitor } from '@nm/features/routing';
import type { SampledFacts } from '@nm/kernel/contracts';
import type { Code, Fault } from '@nm/kernel/fault';
import type { RequestContext } from './request-context.js';

/** Refusals that are no decision about the licence: there the request itself, or what it asks for, was not right. */
const undecided = new Set<Code>(['install_required', 'install_ambiguous', 'install_not_ready', 'invalid_path']);

/** DecisionNotes tells the recorder what was decided about requests for apps. */
export class DecisionNotes {
  readonly #recorder: DecisionRecorder;
  readonly #firstUses: FirstUses;

  constructor(recorder: DecisionRecorder, firstUses: FirstUses) {
    this.#recorder = recorder;
    this.#firstUses = firstUses;
  }

  allowed(context: RequestContext): void {
    const { visitor } = context;
    const firstUse = visitor?.licence?.facts.firstUse;
    if (firstUse && firstUse.usedAtMs === undefined && visitor.licence) this.#firstUses.report(visitor.licence.id);
    if (visitor && this.wantsAllow()) this.keepAllowed(context);
  }

  /** wantsAllow is true for the one of many requests that were let in of which a note is kept. */
  wantsAllow(): boolean {
    return this.#recorder.wantsAllow();
  }

  keepAllowed({ visitor, requestId }: RequestContext): void {
    const note = visitor && noteOf(visitor, requestId, undefined);
    if (note) this.#recorder.allowed(note);
  }

  refused(context: RequestContext, fault: Fault): void {
    if (!context.visitor?.decision || (fault.status >= 500 && fault.code !== 'access_paused')) return;
    if (undecided.has(fault.code)) return;
    const note = noteOf(context.visitor, context.requestId, fault);
    if (note) this.#recorder.denied(note);
  }
}

function noteOf(visitor: Visitor, requestId: string, fault: Fault | undefined): DecisionNote | undefined {
  const { ticket, decision, request } = visitor;
  if (!ticket || !decision || !request) return undefined;
  return {
    orgId: ticket.licence.orgId,
    appId: ticket.home.id,
    licenceId: ticket.licence.id,
    installId: ticket.install?.id,
    effect: fault ? 'deny' : decision.effect,
    code: fault?.code ?? decision.code,
    ruleId: decision.ruleId,
    ruleSetVersion: ticket.home.ruleSetVersion,
    requestId,
    request,
    facts: () => factsOf(ticket),
  };
}

function factsOf({ licence, install, version, selection }: Ticket): SampledFacts {
  const { state, startsAtMs, expiresAtMs, grace, trial } = licence.facts;
  return {
    licence: { state, startsAtMs, ...(expiresAtMs === undefined ? {} : { expiresAtMs }), grace: [...grace], trial },
    plan: { slug: licence.plan.slug, entitlements: licence.plan.entitlements, limits: licence.limits },
    customer: licence.customer,
    ...(install ? { install: { id: install.id, clusterId: install.clusterId, namespace: install.namespace } } : {}),
    ...(version ? { version: version.name } : {}),
    ...(selection?.channel === undefined ? {} : { channel: selection.channel }),
  };
}
