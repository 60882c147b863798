import { Body, Controller, Get, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Db } from '@nm/adapters/db';
import { Allow, CurrentOrg, Needs, type OrgAccess } from '@nm/features/access';
import { Answers } from '@nm/features/http';
import { createPlan, listPlans } from '@nm/features/licences';
import { CreatePlan, type Page, PageQuery, Plan, pageOf } from '@nm/kernel/contracts';

@ApiTags('plans')
@Controller('v1/orgs/:org/apps/:app/plans')
@Allow('publisher')
export class PlansController {
  readonly #db: Db;

  constructor(db: Db) {
    this.#db = db;
  }

  @Get()
  @Needs('plans.read')
  @Answers(200, pageOf(Plan, 'PlanPage'), 'The plans of an app')
  list(
    @CurrentOrg() org: OrgAccess,
    @Param('app') app: string,
    @Query({ schema: PageQuery }) query: PageQuery,
  ): Promise<Page<Plan>> {
    return listPlans(this.#db, org.id, app, query);
  }

  @Post()
  @Needs('plans.write')
  @Answers(201, Plan, 'Make a plan')
  create(
    @CurrentOrg() org: OrgAccess,
    @Param('app') app: string,
    @Body({ schema: CreatePlan }) body: CreatePlan,
  ): Promise<Plan> {
    return createPlan(this.#db, org.id, app, body);
  }
}
