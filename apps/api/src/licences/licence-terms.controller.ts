import { Body, Controller, Get, Inject, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Db } from '@nm/adapters/db';
import { Vault } from '@nm/adapters/vault';
import { Allow, CurrentOrg, Needs, type OrgAccess } from '@nm/features/access';
import { Answers } from '@nm/features/http';
import { convertTrial, type LicenceDeps, listEvents, renewLicence, transferLicence } from '@nm/features/licences';
import {
  ConvertTrial,
  IssuedLicence,
  Licence,
  LicenceEvent,
  type Page,
  PageQuery,
  pageOf,
  RenewLicence,
  TransferLicence,
} from '@nm/kernel/contracts';
import type { Clock } from '@nm/kernel/time';
import { CLOCK } from '../platform/tokens.js';
import { actorOf } from './actor-of.js';

/** What happens to a licence between its issue and its end. */
@ApiTags('licences')
@Controller('v1/orgs/:org/apps/:app/licences/:id')
@Allow('publisher')
export class LicenceTermsController {
  readonly #deps: LicenceDeps;

  constructor(db: Db, vault: Vault, @Inject(CLOCK) clock: Clock) {
    this.#deps = { db, vault, clock };
  }

  @Post('renew')
  @Needs('licences.write')
  @Answers(200, Licence, 'Move the end of a licence later; its key stays')
  renew(
    @CurrentOrg() org: OrgAccess,
    @Param('app') app: string,
    @Param('id') id: string,
    @Body({ schema: RenewLicence }) body: RenewLicence,
  ): Promise<Licence> {
    return renewLicence(this.#deps, actorOf(org), app, id, body);
  }

  @Post('convert')
  @Needs('licences.write')
  @Answers(200, Licence, 'Make a trial a full licence; its key stays')
  convert(
    @CurrentOrg() org: OrgAccess,
    @Param('app') app: string,
    @Param('id') id: string,
    @Body({ schema: ConvertTrial }) body: ConvertTrial,
  ): Promise<Licence> {
    return convertTrial(this.#deps, actorOf(org), app, id, body);
  }

  @Post('transfer')
  @Needs('licences.write')
  @Answers(
    200,
    IssuedLicence,
    'Give a licence to another customer, with a new key, shown once; the old one is dead at once',
  )
  transfer(
    @CurrentOrg() org: OrgAccess,
    @Param('app') app: string,
    @Param('id') id: string,
    @Body({ schema: TransferLicence }) body: TransferLicence,
  ): Promise<IssuedLicence> {
    return transferLicence(this.#deps, actorOf(org), app, id, body);
  }

  @Get('events')
  @Needs('licences.read')
  @Answers(200, pageOf(LicenceEvent, 'LicenceEventPage'), 'What happened to a licence, by whom, oldest first')
  events(
    @CurrentOrg() org: OrgAccess,
    @Param('app') app: string,
    @Param('id') id: string,
    @Query({ schema: PageQuery }) query: PageQuery,
  ): Promise<Page<LicenceEvent>> {
    return listEvents(this.#deps.db, org.id, app, id, query);
  }
}
