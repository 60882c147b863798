import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { Fault } from '@nm/kernel/fault';
import { startPlanned } from '../server/start-planned.js';
import { OpenVisit, type Visit } from '../server/visit.js';
import { dictMember, filterOf, member, spaceOf } from './query.js';

type Fields = Record<string, string | undefined>;

/** Variables of the app, as the install has them. */
@Controller('api/variables')
export class VariablesController {
  @Get('categories')
  async categories(@OpenVisit() { session }: Visit) {
    return { data: await session.categories() };
  }

  @Get('all')
  async all(@OpenVisit() { session }: Visit, @Query() query: Fields) {
    return { data: await session.variables(filterOf(query)) };
  }

  @Get('health')
  async health(@OpenVisit() { session }: Visit, @Query() query: Fields) {
    return { data: await session.variablesHealth(filterOf(query)) };
  }

  @Get('defaults')
  async defaults(@OpenVisit() { session }: Visit, @Query() query: Fields) {
    return { data: await session.defaults(spaceOf(query)) };
  }

  @Get('detail/:id')
  async detail(@OpenVisit() { session }: Visit, @Param('id') id: string, @Query() query: Fields) {
    return { data: await session.variable(id, spaceOf(query)) };
  }

  @Post('detail/:id/validate')
  @HttpCode(200)
  async validate(
    @OpenVisit() { session }: Visit,
    @Param('id') id: string,
    @Query() query: Fields,
    @Body() body: Record<string, unknown>,
  ) {
    return { data: await session.validateVariable(id, member(body, 'value'), spaceOf(query)) };
  }

  @Post('commit-apply')
  @HttpCode(200)
  async commit(@OpenVisit() visit: Visit, @Query() query: Fields, @Body() body: Record<string, unknown>) {
    member(body, 'assignments');
    const given = { values: dictMember(body, 'assignments') };
    const planned = await visit.session.planAction('sdk.action.commit_template_apply_safely', given, spaceOf(query));
    return { data: { job_id: await startPlanned(visit, planned) } };
  }

  @Post('commit-unsets')
  @HttpCode(200)
  async unset(@OpenVisit() visit: Visit, @Query() query: Fields, @Body() body: Record<string, unknown>) {
    const keys = member(body, 'victim_keys');
    if (!Array.isArray(keys)) throw new Fault('invalid_body', { public: '"victim_keys" must be a list.' });
    const given = { victim_keys: keys };
    const planned = await visit.session.planAction('sdk.action.unset_template_apply_safely', given, spaceOf(query));
    return { data: { job_id: await startPlanned(visit, planned) } };
  }
}
