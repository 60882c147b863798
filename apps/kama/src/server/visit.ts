import { createParamDecorator, type ExecutionContext, Inject, Injectable, type PipeTransform } from '@nestjs/common';
import { Fault } from '@nm/kernel/fault';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { KAMA_PARTS, type KamaParts } from './kama-parts.js';
import { openVisit, type Visit } from './open-visit.js';

export type { Visit } from './open-visit.js';

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
    const gone = new AbortController();
    reply.raw.once('close', () => gone.abort());
    return openVisit(this.parts, await this.parts.address(request.headers, gone.signal), gone.signal);
  }
}

/** OpenVisit gives a route the visit that it answers. */
export const OpenVisit = (): ParameterDecorator => exchange(VisitPipe);

/** mustWrite refuses a visit whose licence allows reading only. @throws Fault licence_read_only */
export function mustWrite({ install }: Visit): void {
  if (!install.mayWrite) throw new Fault('licence_read_only');
}
