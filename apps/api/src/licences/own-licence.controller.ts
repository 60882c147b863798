import { Controller, Get, Headers, Inject, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Db } from '@nm/adapters/db';
import { Vault } from '@nm/adapters/vault';
import { Allow, bearerOf, CurrentPrincipal, type LicenseePrincipal, ReadsOnly } from '@nm/features/access';
import { Answers } from '@nm/features/http';
import { type LicenceDeps, openLicenceSession, readOwnLicence } from '@nm/features/licences';
import { LicenceSession, LicenceView } from '@nm/kernel/contracts';
import type { Clock } from '@nm/kernel/time';
import type { ApiConfig } from '../platform/api-config.js';
import { API_CONFIG, CLOCK } from '../platform/tokens.js';

@ApiTags('licence')
@Controller('v1/licence')
export class OwnLicenceController {
  readonly #deps: LicenceDeps;
  readonly #config: ApiConfig;

  constructor(db: Db, vault: Vault, @Inject(CLOCK) clock: Clock, @Inject(API_CONFIG) config: ApiConfig) {
    this.#deps = { db, vault, clock };
    this.#config = config;
  }

  @Get()
  @Allow('licensee')
  @Answers(200, LicenceView, 'My licence, in whatever state it is')
  read(@CurrentPrincipal() principal: LicenseePrincipal): Promise<LicenceView> {
    return readOwnLicence(this.#deps, principal, this.#config.publicGatewayUrl);
  }

  @Post('session')
  @Allow('licence-key')
  @ReadsOnly()
  @Answers(200, LicenceSession, 'Exchange the licence key for a token of fifteen minutes')
  session(
    @CurrentPrincipal() principal: LicenseePrincipal,
    @Headers('authorization') authorization: string,
  ): Promise<LicenceSession> {
    return openLicenceSession(this.#deps, principal, bearerOf(authorization));
  }
}
