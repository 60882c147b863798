import { Controller, Get, Inject } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Db } from '@nm/adapters/db';
import { Vault } from '@nm/adapters/vault';
import { Allow, CurrentPrincipal, type LicenseePrincipal } from '@nm/features/access';
import { Answers } from '@nm/features/http';
import { type LicenceDeps, readOwnLicence } from '@nm/features/licences';
import { LicenceView } from '@nm/kernel/contracts';
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
}
