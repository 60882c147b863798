import { Body, Controller, Get, Inject, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Db } from '@nm/adapters/db';
import { Vault } from '@nm/adapters/vault';
import { Allow, CurrentOrg, Needs, type OrgAccess } from '@nm/features/access';
import { Answers } from '@nm/features/http';
import {
  issueLicence,
  type LicenceDeps,
  listLicences,
  moveLicence,
  readLicence,
  rotateLicence,
} from '@nm/features/licences';
import { IssuedLicence, IssueLicence, Licence, type Page, PageQuery, pageOf } from '@nm/kernel/contracts';
import type { Clock } from '@nm/kernel/time';
import { CLOCK } from '../platform/tokens.js';
import { actorOf } from './actor-of.js';

@ApiTags('licences')
@Controller('v1/orgs/:org/apps/:app/licences')
@Allow('publisher')
export class LicencesController {
  readonly #deps: LicenceDeps;

  constructor(db: Db, vault: Vault, @Inject(CLOCK) clock: Clock) {
    this.#deps = { db, vault, clock };
  }

  @Get()
  @Needs('licences.read')
  @Answers(200, pageOf(Licence, 'LicencePage'), 'The licences of an app')
  list(
    @CurrentOrg() org: OrgAccess,
    @Param('app') app: string,
    @Query({ schema: PageQuery }) query: PageQuery,
  ): Promise<Page<Licence>> {
    return listLicences(this.#deps.db, org.id, app, query);
  }

  @Post()
  @Needs('licences.write')
  @Answers(201, IssuedLicence, 'Issue a licence; its key is shown once')
  issue(
    @CurrentOrg() org: OrgAccess,
    @Param('app') app: string,
    @Body({ schema: IssueLicence }) body: IssueLicence,
  ): Promise<IssuedLicence> {
    return issueLicence(this.#deps, actorOf(org), app, body);
  }

  @Get(':id')
  @Needs('licences.read')
  @Answers(200, Licence, 'One licence')
  read(@CurrentOrg() org: OrgAccess, @Param('app') app: string, @Param('id') id: string): Promise<Licence> {
    return readLicence(this.#deps.db, org.id, app, id);
  }

  @Post(':id/suspend')
  @Needs('licences.suspend')
  @Answers(200, Licence, 'Suspend a licence; its key stops working at once')
  suspend(@CurrentOrg() org: OrgAccess, @Param('app') app: string, @Param('id') id: string): Promise<Licence> {
    return moveLicence(this.#deps, actorOf(org), app, id, 'suspend');
  }

  @Post(':id/resume')
  @Needs('licences.suspend')
  @Answers(200, Licence, 'Let a suspended licence work again')
  resume(@CurrentOrg() org: OrgAccess, @Param('app') app: string, @Param('id') id: string): Promise<Licence> {
    return moveLicence(this.#deps, actorOf(org), app, id, 'resume');
  }

  @Post(':id/revoke')
  @Needs('licences.write')
  @Answers(200, Licence, 'End a licence for good')
  revoke(@CurrentOrg() org: OrgAccess, @Param('app') app: string, @Param('id') id: string): Promise<Licence> {
    return moveLicence(this.#deps, actorOf(org), app, id, 'revoke');
  }

  @Post(':id/rotate')
  @Needs('licences.write')
  @Answers(200, IssuedLicence, 'Give a licence a new key, shown once; the old one is dead at once')
  rotate(@CurrentOrg() org: OrgAccess, @Param('app') app: string, @Param('id') id: string): Promise<IssuedLicence> {
    return rotateLicence(this.#deps, actorOf(org), app, id);
  }
}
