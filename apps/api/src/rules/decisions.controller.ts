import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Db } from '@nm/adapters/db';
import {
  Allow,
  CurrentOrg,
  CurrentPrincipal,
  type LicenseePrincipal,
  Needs,
  type OrgAccess,
} from '@nm/features/access';
import { Answers } from '@nm/features/http';
import { listDecisions, listOwnDecisions } from '@nm/features/rules';
import { DecisionQuery, DecisionView, OwnDecision, type Page, pageOf } from '@nm/kernel/contracts';

@ApiTags('decisions')
@Controller('v1')
export class DecisionsController {
  readonly #db: Db;

  constructor(db: Db) {
    this.#db = db;
  }

  @Get('orgs/:org/apps/:app/licences/:id/decisions')
  @Allow('publisher')
  @Needs('decisions.read')
  @Answers(
    200,
    pageOf(DecisionView, 'DecisionPage'),
    'How requests of a licence were decided, and from what, newest first',
  )
  list(
    @CurrentOrg() org: OrgAccess,
    @Param('app') app: string,
    @Param('id') id: string,
    @Query({ schema: DecisionQuery }) query: DecisionQuery,
  ): Promise<Page<DecisionView>> {
    return listDecisions(this.#db, org.id, app, id, query);
  }

  @Get('licence/decisions')
  @Allow('licensee')
  @Answers(200, pageOf(OwnDecision, 'OwnDecisionPage'), 'What became of my requests, newest first')
  own(
    @CurrentPrincipal() principal: LicenseePrincipal,
    @Query({ schema: DecisionQuery }) query: DecisionQuery,
  ): Promise<Page<OwnDecision>> {
    return listOwnDecisions(this.#db, principal, query);
  }
}
