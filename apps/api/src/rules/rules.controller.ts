import { Body, Controller, Get, Inject, Param, Post, Put, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Db } from '@nm/adapters/db';
import { Allow, CurrentOrg, Needs, type OrgAccess } from '@nm/features/access';
import { Answers } from '@nm/features/http';
import { listRuleSets, readRuleSet, readRules, rehearseRules, rollBackRules, saveRules } from '@nm/features/rules';
import {
  type Page,
  PageQuery,
  pageOf,
  Rehearsal,
  RehearseRules,
  RollBackRules,
  RuleSet,
  RuleSetChange,
  RulesInForce,
  RuleVersion,
  SaveRules,
} from '@nm/kernel/contracts';
import type { Clock } from '@nm/kernel/time';
import { CLOCK } from '../platform/tokens.js';

@ApiTags('access rules')
@Controller('v1/orgs/:org/apps/:app/rules')
@Allow('publisher')
export class RulesController {
  readonly #deps: { readonly db: Db; readonly clock: Clock };

  constructor(db: Db, @Inject(CLOCK) clock: Clock) {
    this.#deps = { db, clock };
  }

  @Get()
  @Needs('rules.read')
  @Answers(200, RulesInForce, 'The access rules in force, between the built-in ones')
  read(@CurrentOrg() org: OrgAccess, @Param('app') app: string): Promise<RulesInForce> {
    return readRules(this.#deps.db, org.id, app);
  }

  @Put()
  @Needs('rules.write')
  @Answers(200, RulesInForce, 'Put access rules into force, on every gateway at once')
  save(
    @CurrentOrg() org: OrgAccess,
    @Param('app') app: string,
    @Body({ schema: SaveRules }) body: SaveRules,
  ): Promise<RulesInForce> {
    return saveRules(this.#deps, { orgId: org.id, actorId: org.actorId }, app, body);
  }

  @Post('test')
  @Needs('decisions.read')
  @Answers(200, Rehearsal, 'Ask whom proposed rules would let in or shut out, by recorded and imagined requests')
  rehearse(
    @CurrentOrg() org: OrgAccess,
    @Param('app') app: string,
    @Body({ schema: RehearseRules }) body: RehearseRules,
  ): Promise<Rehearsal> {
    return rehearseRules(this.#deps, org.id, app, body);
  }

  @Post('rollback')
  @Needs('rules.write')
  @Answers(200, RulesInForce, 'Put the rules of an earlier version into force again, as a new version')
  rollBack(
    @CurrentOrg() org: OrgAccess,
    @Param('app') app: string,
    @Body({ schema: RollBackRules }) body: RollBackRules,
  ): Promise<RulesInForce> {
    return rollBackRules(this.#deps, { orgId: org.id, actorId: org.actorId }, app, body);
  }

  @Get('history')
  @Needs('rules.read')
  @Answers(200, pageOf(RuleSetChange, 'RuleSetPage'), 'What each version of the rules changed, by whom, newest first')
  history(
    @CurrentOrg() org: OrgAccess,
    @Param('app') app: string,
    @Query({ schema: PageQuery }) query: PageQuery,
  ): Promise<Page<RuleSetChange>> {
    return listRuleSets(this.#deps.db, org.id, app, query);
  }

  @Get('history/:version')
  @Needs('rules.read')
  @Answers(200, RuleSet, 'The rules of one version')
  earlier(
    @CurrentOrg() org: OrgAccess,
    @Param('app') app: string,
    @Param('version', { schema: RuleVersion }) version: number,
  ): Promise<RuleSet> {
    return readRuleSet(this.#deps.db, org.id, app, version);
  }
}
