import { Body, Controller, Delete, Get, Inject, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Db } from '@nm/adapters/db';
import { Vault } from '@nm/adapters/vault';
import {
  type AccessDeps,
  Allow,
  CurrentOrg,
  createApiToken,
  listApiTokens,
  Needs,
  type OrgAccess,
  revokeApiToken,
} from '@nm/features/access';
import { Answers } from '@nm/features/http';
import { ApiToken, CreateApiToken, IssuedApiToken, type Page, PageQuery, pageOf } from '@nm/kernel/contracts';
import type { Clock } from '@nm/kernel/time';
import { CLOCK } from '../platform/tokens.js';

@ApiTags('API tokens')
@Controller('v1/orgs/:org/tokens')
@Allow('publisher')
export class TokensController {
  readonly #deps: AccessDeps;

  constructor(db: Db, vault: Vault, @Inject(CLOCK) clock: Clock) {
    this.#deps = { db, vault, clock };
  }

  @Get()
  @Needs('tokens.read')
  @Answers(200, pageOf(ApiToken, 'ApiTokenPage'), 'The API tokens of the organisation, revoked ones too')
  list(@CurrentOrg() org: OrgAccess, @Query({ schema: PageQuery }) query: PageQuery): Promise<Page<ApiToken>> {
    return listApiTokens(this.#deps.db, org, query);
  }

  @Post()
  @Needs('tokens.write')
  @Answers(201, IssuedApiToken, 'Make an API token; it is shown once')
  create(
    @CurrentOrg() org: OrgAccess,
    @Body({ schema: CreateApiToken }) body: CreateApiToken,
  ): Promise<IssuedApiToken> {
    return createApiToken(this.#deps, org, body);
  }

  @Delete(':id')
  @Needs('tokens.write')
  @Answers(204, undefined, 'Revoke an API token')
  revoke(@CurrentOrg() org: OrgAccess, @Param('id') id: string): Promise<void> {
    return revokeApiToken(this.#deps, org, id);
  }
}
