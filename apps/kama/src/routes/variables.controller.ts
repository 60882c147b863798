import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import type { Assignments, Typed, VictimKeys } from '../contract/bodies.js';
import { startPlanned } from '../server/start-planned.js';
import { OpenVisit, type Visit } from '../server/visit.js';
import { filterOf, spaceOf } from './query.js';

type Fields = Record<string, string | undefined>;
const older = 'api/manifest-variable';

/** Variables of the app, as the install has them. */
@Controller()
export class VariablesController {
  @Get('api/variables/categories')
  async categories(@OpenVisit() { session }: Visit) {
    return { data: await session.categories() };
  }

  @Get(['api/variables/all', older])
  async all(@OpenVisit() { session }: Visit, @Query() query: Fields) {
    return { data: await session.variables(filterOf(query)) };
  }

  @Get('api/variables/health')
  async health(@OpenVisit() { session }: Visit, @Query() query: Fields) {
    return { data: await session.variablesHealth(filterOf(query)) };
  }

  @Get(['api/variables/defaults', `${older}/defaults`])
  async defaults(@OpenVisit() { session }: Visit, @Query() query: Fields) {
    return { data: await session.defaults(spaceOf(query)) };
  }

  @Get(['api/variables/populate-defaults', `${older}/populate-defaults`])
  async freshDefaults(@OpenVisit() { session }: Visit, @Query() query: Fields) {
    return {
      data: await session.updates.freshDefaults(spaceOf(query)),
      notice: 'Nothing was written: POST does that.',
    };
  }

  @Post('api/variables/populate-defaults')
  @HttpCode(200)
  async populate(@OpenVisit() visit: Visit, @Query() query: Fields) {
    const planned = await visit.session.planAction('sdk.action.populate_default_variables', {}, spaceOf(query));
    return { data: { job_id: await startPlanned(visit, planned) } };
  }

  @Get(['api/variables/detail/:id', `${older}/:id`])
  async detail(@OpenVisit() { session }: Visit, @Param('id') id: string, @Query() query: Fields) {
    return { data: await session.variable(id, spaceOf(query)) };
  }

  @Post(['api/variables/detail/:id/validate', `${older}/:id/validate`])
  @HttpCode(200)
  async validate(
    @OpenVisit() { session }: Visit,
    @Param('id') id: string,
    @Query() query: Fields,
    @Body() { value }: Typed,
  ) {
    return { data: await session.validateVariable(id, value, spaceOf(query)) };
  }

  @Post('api/variables/detail/:id/health_predicates/run')
  @HttpCode(200)
  async check(@OpenVisit() visit: Visit, @Param('id') id: string, @Query() query: Fields) {
    const planned = await visit.session.checkVariable(id, spaceOf(query));
    return { data: { job_id: await startPlanned(visit, planned) } };
  }

  @Post(['api/variables/commit-apply', `${older}/commit-apply`])
  @HttpCode(200)
  async commit(@OpenVisit() visit: Visit, @Query() query: Fields, @Body() { assignments }: Assignments) {
    const given = { values: assignments };
    const planned = await visit.session.planAction('sdk.action.commit_template_apply_safely', given, spaceOf(query));
    return { data: { job_id: await startPlanned(visit, planned) } };
  }

  @Post('api/variables/commit-unsets')
  @HttpCode(200)
  async unset(@OpenVisit() visit: Visit, @Query() query: Fields, @Body() { victim_keys }: VictimKeys) {
    const planned = await visit.session.planAction(
      ...(['sdk.action.unset_template_apply_safely', { victim_keys }, spaceOf(query)] as const),
    );
    return { data: { job_id: await startPlanned(visit, planned) } };
  }
}
