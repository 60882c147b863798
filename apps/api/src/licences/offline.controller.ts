import { Body, Controller, Get, Inject, Param, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Db } from '@nm/adapters/db';
import { Vault } from '@nm/adapters/vault';
import {
  Allow,
  CurrentOrg,
  CurrentPrincipal,
  type LicenseePrincipal,
  Needs,
  type OrgAccess,
} from '@nm/features/access';
import { Answers } from '@nm/features/http';
import { type LicenceDeps, readOfflineKeys, signOffline } from '@nm/features/licences';
import { OfflineKeySet, OfflineLicence, SignOffline } from '@nm/kernel/contracts';
import type { Clock } from '@nm/kernel/time';
import { CLOCK } from '../platform/tokens.js';
import { actorOf } from './actor-of.js';

/** Licences for places that cannot ask: air-gapped clusters. */
@ApiTags('licences')
@Controller('v1')
export class OfflineController {
  readonly #deps: LicenceDeps;

  constructor(db: Db, vault: Vault, @Inject(CLOCK) clock: Clock) {
    this.#deps = { db, vault, clock };
  }

  @Post('orgs/:org/apps/:app/licences/:id/offline')
  @Allow('publisher')
  @Needs('licences.write')
  @Answers(
    200,
    OfflineLicence,
    'Sign a licence for use without connection; it cannot be called back before its days are over',
  )
  sign(
    @CurrentOrg() org: OrgAccess,
    @Param('app') app: string,
    @Param('id') id: string,
    @Body({ schema: SignOffline }) body: SignOffline,
  ): Promise<OfflineLicence> {
    return signOffline(this.#deps, actorOf(org), app, id, body);
  }

  @Get('orgs/:org/offline-keys')
  @Allow('publisher')
  @Needs('apps.read')
  @Answers(200, OfflineKeySet, 'The public keys (JWKS) by which offline licences of the organisation are verified')
  keys(@CurrentOrg() org: OrgAccess): OfflineKeySet {
    return readOfflineKeys(this.#deps.vault, org.id);
  }

  @Get('licence/offline-keys')
  @Allow('licensee')
  @Answers(200, OfflineKeySet, 'The public keys (JWKS) by which offline licences of my publisher are verified')
  ownKeys(@CurrentPrincipal() { orgId }: LicenseePrincipal): OfflineKeySet {
    return readOfflineKeys(this.#deps.vault, orgId);
  }
}
