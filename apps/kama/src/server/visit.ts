import { createParamDecorator, type ExecutionContext, Inject, Injectable, type PipeTransform } from '@nestjs/common';
import { openSession, type Session } from '@nm/kama-sdk';
import { Fault } from '@nm/kernel/fault';
import type { Clock } from '@nm/kernel/time';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { bundleEngine } from '../engines/bundle-engine.js';
import { newBackup } from '../installs/backups.js';
import { freshSpace, orFresh } from '../installs/fresh-space.js';
import { kamafileSteps } from '../installs/write-kamafile.js';
import { type Addressed, KAMA_PARTS, type KamaParts } from './kama-parts.js';

/** Visit is one request: the app and the install that it is for, and a session of the app there. */
export interface Visit extends Addressed {
  readonly clock: Clock;
  readonly session: Session;
}

interface Exchange {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

const exchange = createParamDecorator(
  (_: unknown, context: ExecutionContext): Exchange => ({
    request: context.switchToHttp().getRequest(),
    reply: context.switchToHttp().getResponse(),
  }),
);

/** VisitPipe opens the session of a request; when its client goes away, the work for it ends. */
@Injectable()
export class VisitPipe implements PipeTransform<Exchange, Promise<Visit>> {
  constructor(@Inject(KAMA_PARTS) private readonly parts: KamaParts) {}

  async transform({ request, reply }: Exchange): Promise<Visit> {
    const { clock, templates, http } = this.parts;
    const gone = new AbortController();
    reply.raw.once('close', () => gone.abort());
    const { app, bundle, install } = await this.parts.address(request.headers, gone.signal);
    const fresh = () => freshSpace(bundle, app, install.id);
    const session = openSession(bundle, {
      kamafile: orFresh(install.kamafile, fresh),
      writeKamafile: kamafileSteps(install.kamafile, fresh, clock, bundle),
      backup: async (trigger) => {
        const kept = await install.kamafile.kept();
        return [...((kept && newBackup(kept, { trigger, name: '' }, clock)?.steps) ?? [])];
      },
      engine: bundleEngine(bundle, templates, install.id),
      cluster: install.cluster,
      ...(http ? { http } : {}),
      namespace: install.namespace,
      clock,
      jq: templates,
      tenant: install.id,
      signal: gone.signal,
    });
    return { app, bundle, install, session, clock };
  }
}

/** OpenVisit gives a route the visit that it answers. */
export const OpenVisit = (): ParameterDecorator => exchange(VisitPipe);

/** mustWrite refuses a visit whose licence allows reading only. @throws Fault licence_read_only */
export function mustWrite({ install }: Visit): void {
  if (!install.mayWrite) throw new Fault('licence_read_only');
}
