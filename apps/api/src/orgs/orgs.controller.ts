import { Body, Controller, Get, Patch, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Db } from '@nm/adapters/db';
import {
  Allow,
  type ApiTokenPrincipal,
  CurrentOrg,
  CurrentPrincipal,
  changeOrg,
  createOrg,
  listOrgs,
  Needs,
  type OrgAccess,
  orgView,
  type UserPrincipal,
} from '@nm/features/access';
import { Answers } from '@nm/features/http';
import { ChangeOrg, CreateOrg, Org, type Page, PageQuery, pageOf } from '@nm/kernel/contracts';

@ApiTags('organisations')
@Controller('v1/orgs')
@Allow('publisher')
export class OrgsController {
  readonly #db: Db;

  constructor(db: Db) {
    this.#db = db;
  }

  @Get()
  @Answers(200, pageOf(Org, 'OrgPage'), 'The organisations that I belong to')
  list(
    @CurrentPrincipal() principal: UserPrincipal | ApiTokenPrincipal,
    @Query({ schema: PageQuery }) query: PageQuery,
  ): Promise<Page<Org>> {
    return listOrgs(this.#db, principal, query);
  }

  @Post()
  @Allow('person')
  @Answers(201, Org, 'Make an organisation and own it')
  create(@CurrentPrincipal() principal: UserPrincipal, @Body({ schema: CreateOrg }) body: CreateOrg): Promise<Org> {
    return createOrg(this.#db, principal, body);
  }

  @Get(':org')
  @Needs('org.read')
  @Answers(200, Org, 'One organisation')
  read(@CurrentOrg() org: OrgAccess): Org {
    return orgView(org);
  }

  @Patch(':org')
  @Needs('org.write')
  @Answers(200, Org, 'Change the settings of an organisation')
  change(@CurrentOrg() org: OrgAccess, @Body({ schema: ChangeOrg }) body: ChangeOrg): Promise<Org> {
    return changeOrg(this.#db, org, body);
  }
}
