import type { FieldLines, MaybePromise, Plan, RequestHead, Target } from '@nm/adapters/proxy';
import {
  type Activator,
  type Admission,
  type AdmitDeps,
  type AdmitRequest,
  admit,
  bearerOf,
  type ContextTokens,
  parseKamaPath,
  type Ready,
  unverifiable,
  type WakeTarget,
} from '@nm/features/routing';
import { slotOf } from '@nm/features/runtime';
import { Fault, hasCode } from '@nm/kernel/fault';
import type { ExchangeTag } from './exchange-tag.js';
import type { InstanceTouches } from './instance-touches.js';
import type { RequestContext } from './request-context.js';
import { answerFilter, kamaFields, kamaRequestFilter } from './upstream-headers.js';

export interface KamaRouteDeps {
  readonly admission: AdmitDeps;
  readonly activator: Activator;
  readonly tokens: ContextTokens;
  readonly touches: InstanceTouches;
}

/** Look-ups that find something missing, one after the other; a request that needs more is in a storm of changes. */
const lookupsMax = 20;

/** planKama decides on a request for a KAMA and, only when it is let in, finds or wakes the instance. @throws Fault */
export function planKama(
  deps: KamaRouteDeps,
  head: RequestHead,
  context: RequestContext,
): MaybePromise<Plan<ExchangeTag>> {
  const path = parseKamaPath(context.target);
  if (!path) throw new Fault('invalid_path');
  context.app = `${path.org}/${path.app}`;
  const visit = new KamaVisit(deps, head, context, {
    path,
    method: context.method,
    credential: bearerOf(head.header('authorization')),
    installId: head.header('nm-install'),
  });
  const plan = visit.plan();
  return plan instanceof Promise ? visit.planAfter(plan) : plan;
}

/** KamaVisit is the plan of one request and what it was made from. */
class KamaVisit implements Plan<ExchangeTag> {
  readonly requestFilter = kamaRequestFilter;
  readonly answerFilter = answerFilter;
  readonly #deps: KamaRouteDeps;
  readonly #head: RequestHead;
  readonly #context: RequestContext;
  readonly #request: AdmitRequest;
  #admission: Admission | undefined;
  target: Target = { origin: '', path: '' };
  addToRequest: FieldLines = '';
  tag: ExchangeTag = { licenceId: '', installId: undefined, instanceId: undefined, idleSeconds: 0 };

  constructor(deps: KamaRouteDeps, head: RequestHead, context: RequestContext, request: AdmitRequest) {
    this.#deps = deps;
    this.#head = head;
    this.#context = context;
    this.#request = request;
  }

  /** plan goes through all steps as far as memory allows; it gives itself, or a promise of what was missing. @throws Fault */
  plan(): this | Promise<unknown> {
    const { activator, tokens, touches } = this.#deps;
    const admission = this.#decide();
    if (admission instanceof Promise) return admission;
    const token = tokens.tokenFor(admission);
    if (token instanceof Promise) return token;
    const ready = activator.ready(wakeTargetOf(admission), () => this.#head.leaves());
    // Seconds may pass: what was allowed now must be allowed still when the instance is there, so everything is asked again.
    if (ready instanceof Promise) return ready.then(({ waitedMs }) => this.#waited(waitedMs));
    const { licence, install, version } = admission;
    const { path } = this.#request;
    touches.used(ready.instanceId, version.idleSeconds);
    const prefix = `/kama/${path.org}/${path.app}${path.selector === undefined ? '' : `@${path.selector}`}`;
    this.target = this.#targetOf(ready);
    this.addToRequest = kamaFields(this.#head, this.#context, token, prefix);
    this.tag = {
      licenceId: licence.id,
      installId: install?.id,
      instanceId: ready.instanceId,
      idleSeconds: version.idleSeconds,
    };
    return this;
  }

  /** planAfter waits for what is missing and tries again, until nothing is. */
  async planAfter(missing: Promise<unknown>): Promise<this> {
    let waiting = missing;
    for (let i = 0; i < lookupsMax; i++) {
      await orUnverifiable(waiting);
      const plan = this.plan();
      if (!(plan instanceof Promise)) return plan;
      waiting = plan;
    }
    throw unverifiable();
  }

  addToAnswer(): FieldLines {
    const { requestId, wakeMs } = this.#context;
    const state = this.#admission?.decision.effect === 'allow' ? 'active' : 'grace';
    const expiresAtMs = this.#admission?.licence.facts.expiresAtMs;
    let fields = `X-Request-Id: ${requestId}\r\nNm-Licence-State: ${state}\r\n`;
    if (expiresAtMs !== undefined) fields += `Nm-Licence-Expires: ${new Date(expiresAtMs).toISOString()}\r\n`;
    if (wakeMs !== undefined) fields += `Nm-Wake-Ms: ${wakeMs}\r\n`;
    return fields;
  }

  async redial(): Promise<Target> {
    const admission = this.#admission;
    if (!admission) throw unverifiable();
    const leaves = (): AbortSignal => this.#head.leaves();
    const again = await this.#deps.activator.redial(wakeTargetOf(admission), this.target.origin, leaves);
    this.#waited(again.waitedMs);
    for (let i = 0; ; i++) {
      const decided = this.#decide();
      if (!(decided instanceof Promise)) return this.#targetOf(again);
      if (i >= lookupsMax) throw unverifiable();
      await orUnverifiable(decided);
    }
  }

  #decide(): Admission | Promise<unknown> {
    const admission = admit(this.#deps.admission, this.#request);
    if (admission instanceof Promise) return admission;
    this.#admission = admission;
    this.#context.licenceId = admission.licence.id;
    if (admission.install) this.#context.installId = admission.install.id;
    return admission;
  }

  #waited(waitedMs: number | undefined): void {
    if (waitedMs !== undefined) this.#context.wakeMs = (this.#context.wakeMs ?? 0) + waitedMs;
  }

  #targetOf({ origin }: Ready): Target {
    return { origin, path: this.#request.path.rest };
  }
}

/** orUnverifiable waits; when the store cannot be asked, nothing is known for sure. */
async function orUnverifiable(pending: Promise<unknown>): Promise<void> {
  try {
    await pending;
  } catch (error) {
    throw hasCode(error, 'store_unavailable') ? unverifiable(error) : error;
  }
}

function wakeTargetOf({ app, version, install }: Admission): WakeTarget {
  const installId = version.tenancy === 'install' ? install?.id : undefined;
  return {
    orgId: app.orgId,
    appId: app.id,
    versionId: version.id,
    ...(installId === undefined ? {} : { installId }),
    slot: slotOf(version.id, installId),
    startSeconds: version.startSeconds,
  };
}
