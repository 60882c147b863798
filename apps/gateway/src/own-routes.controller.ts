import { Controller, Get, Header } from '@nestjs/common';
import { ContextKeys } from '@nm/features/context';

/** The gateway's own routes; everything else on its port is data plane. */
@Controller()
export class OwnRoutesController {
  constructor(private readonly keys: ContextKeys) {}

  /** For load balancers and people: the port answers. Readiness is on the internal port. */
  @Get('healthz')
  healthz(): { status: string } {
    return { status: 'ok' };
  }

  /** Keys that check `Nm-Context` (RFC 7517). Short caching: a new key must be found before its first token is refused. */
  @Get('.well-known/jwks.json')
  @Header('cache-control', 'public, max-age=60')
  jwks(): ReturnType<ContextKeys['jwks']> {
    return this.keys.jwks();
  }
}
