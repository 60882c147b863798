import { Body, Controller, Delete, Get, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Db } from '@nm/adapters/db';
import { EgressPolicy } from '@nm/adapters/egress';
import {
  Allow,
  CurrentOrg,
  changeIssuer,
  listIssuers,
  Needs,
  type OrgAccess,
  registerIssuer,
  removeIssuer,
} from '@nm/features/access';
import { Answers } from '@nm/features/http';
import { ChangeIssuer, OidcIssuer, type Page, PageQuery, pageOf, RegisterIssuer } from '@nm/kernel/contracts';

@ApiTags('issuers')
@Controller('v1/orgs/:org/issuers')
@Allow('publisher')
export class IssuersController {
  readonly #deps: { readonly db: Db; readonly policy: EgressPolicy };

  constructor(db: Db, policy: EgressPolicy) {
    this.#deps = { db, policy };
  }

  @Get()
  @Needs('issuers.read')
  @Answers(
    200,
    pageOf(OidcIssuer, 'OidcIssuerPage'),
    'The OpenID providers whose user tokens open the organisation’s apps',
  )
  list(@CurrentOrg() org: OrgAccess, @Query({ schema: PageQuery }) query: PageQuery): Promise<Page<OidcIssuer>> {
    return listIssuers(this.#deps.db, org.id, query);
  }

  @Post()
  @Needs('issuers.write')
  @Answers(201, OidcIssuer, 'Trust an OpenID provider; its discovery document and keys are fetched first')
  register(@CurrentOrg() org: OrgAccess, @Body({ schema: RegisterIssuer }) body: RegisterIssuer): Promise<OidcIssuer> {
    return registerIssuer(this.#deps, org.id, body);
  }

  @Patch(':id')
  @Needs('issuers.write')
  @Answers(200, OidcIssuer, 'Disable, enable or rename an issuer')
  change(
    @CurrentOrg() org: OrgAccess,
    @Param('id') id: string,
    @Body({ schema: ChangeIssuer }) body: ChangeIssuer,
  ): Promise<OidcIssuer> {
    return changeIssuer(this.#deps.db, org.id, id, body);
  }

  @Delete(':id')
  @Needs('issuers.write')
  @Answers(204, undefined, 'Trust an issuer no more')
  remove(@CurrentOrg() org: OrgAccess, @Param('id') id: string): Promise<void> {
    return removeIssuer(this.#deps.db, org.id, id);
  }
}
