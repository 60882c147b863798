import type { IncomingMessage } from 'node:http';
import type { Plan, Target } from '@nm/adapters/proxy';
import {
  type Activator,
  type Admission,
  type AdmitDeps,
  admit,
  bearerOf,
  type ContextTokens,
  type KamaPath,
  parseKamaPath,
  type Ready,
  type WakeTarget,
} from '@nm/features/routing';
import { slotOf } from '@nm/features/runtime';
import { Fault } from '@nm/kernel/fault';
import type { ExchangeTag } from './exchange-tag.js';
import type { InstanceTouches } from './instance-touches.js';
import type { RequestContext } from './request-context.js';
import { dropFromAnswer, kamaHeaders } from './upstream-headers.js';

export interface KamaRouteDeps {
  readonly admission: AdmitDeps;
  readonly activator: Activator;
  readonly tokens: ContextTokens;
  readonly touches: InstanceTouches;
}

/** headerOf gives a header's one value; Node joins a repeated one, which then matches nothing. */
const headerOf = (request: IncomingMessage, name: string): string | undefined => {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(',') : value;
};

/** planKama decides on a request for a KAMA and, only when it is let in, finds or wakes the instance. @throws Fault */
export async function planKama(
  deps: KamaRouteDeps,
  request: IncomingMessage,
  context: RequestContext,
  leaves: () => AbortSignal,
): Promise<Plan<ExchangeTag>> {
  const path = parseKamaPath(request.url ?? '');
  if (!path) throw new Fault('invalid_path');
  let admission = await decide(deps, request, context, path);
  const wake = wakeTargetOf(admission);
  const ready = await deps.activator.ready(wake, leaves);
  if (ready.waitedMs !== undefined) {
    context.wakeMs = ready.waitedMs;
    // Seconds may have passed: what was allowed then must be allowed still.
    admission = await decide(deps, request, context, path);
  }
  deps.touches.used(ready.instanceId, admission.version.idleSeconds);
  const prefix = `/kama/${path.org}/${path.app}${path.selector === undefined ? '' : `@${path.selector}`}`;
  const targetOf = ({ origin }: Ready): Target => ({ origin, path: path.rest });
  return {
    target: targetOf(ready),
    headers: kamaHeaders(request, context, await deps.tokens.tokenFor(admission), prefix),
    tag: {
      licenceId: admission.licence.id,
      installId: admission.install?.id,
      instanceId: ready.instanceId,
      idleSeconds: admission.version.idleSeconds,
    },
    addToAnswer: () => answerFields(context, admission),
    dropFromAnswer,
    redial: async () => {
      const again = await deps.activator.redial(wake, ready.origin, leaves);
      if (again.waitedMs !== undefined) context.wakeMs = (context.wakeMs ?? 0) + again.waitedMs;
      await decide(deps, request, context, path);
      return targetOf(again);
    },
  };
}

async function decide(
  deps: KamaRouteDeps,
  request: IncomingMessage,
  context: RequestContext,
  path: KamaPath,
): Promise<Admission> {
  const admission = await admit(deps.admission, {
    path,
    method: request.method ?? '',
    credential: bearerOf(request.headers.authorization),
    installId: headerOf(request, 'nm-install'),
  });
  context.licenceId = admission.licence.id;
  context.app = `${path.org}/${path.app}`;
  if (admission.install) context.installId = admission.install.id;
  return admission;
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

function answerFields(context: RequestContext, { licence, decision }: Admission): string[] {
  const state = decision.effect === 'allow' ? 'active' : 'grace';
  const fields = ['X-Request-Id', context.requestId, 'Nm-Licence-State', state];
  const { expiresAtMs } = licence.facts;
  if (expiresAtMs !== undefined) fields.push('Nm-Licence-Expires', new Date(expiresAtMs).toISOString());
  if (context.wakeMs !== undefined) fields.push('Nm-Wake-Ms', String(context.wakeMs));
  return fields;
}
