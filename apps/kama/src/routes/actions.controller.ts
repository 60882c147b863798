import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { Fault } from '@nm/kernel/fault';
import { startPlanned } from '../server/start-planned.js';
import { OpenVisit, type Visit } from '../server/visit.js';
import { namedOrInline } from './named-or-inline.js';
import { filterOf, member } from './query.js';

type Fields = Record<string, string | undefined>;

/** Actions that a user may start by themselves, and checks of the app. */
@Controller('api/actions')
export class ActionsController {
  @Get('type/simple')
  async simple(@OpenVisit() { session }: Visit, @Query() query: Fields) {
    return { data: await session.actions(filterOf(query)) };
  }

  @Get('type/system_check')
  async checks(@OpenVisit() { session }: Visit, @Query() query: Fields) {
    return { data: await session.checks(filterOf(query)) };
  }

  @Post('run_predicates')
  @HttpCode(200)
  async runPredicates(@OpenVisit() visit: Visit, @Body() body: Record<string, unknown>) {
    const predicates = member(body, 'predicates');
    if (!Array.isArray(predicates)) throw new Fault('invalid_body', { public: '"predicates" must be a list.' });
    return { status: 'running', job_id: await startPlanned(visit, await visit.session.runPredicates(predicates)) };
  }

  @Post(':id/run')
  @HttpCode(200)
  async run(@OpenVisit() visit: Visit, @Param('id') id: string) {
    return { status: 'running', job_id: await startPlanned(visit, await visit.session.planAction(namedOrInline(id))) };
  }
}
