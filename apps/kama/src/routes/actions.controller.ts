import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { namedOrInline } from '@nm/kama-sdk';
import type { Predicates } from '../contract/bodies.js';
import { startPlanned } from '../server/start-planned.js';
import { OpenVisit, type Visit } from '../server/visit.js';
import { filterOf } from './query.js';

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
  async runPredicates(@OpenVisit() visit: Visit, @Body() { predicates }: Predicates) {
    return { status: 'running', job_id: await startPlanned(visit, await visit.session.runPredicates(predicates)) };
  }

  @Post(':id/run')
  @HttpCode(200)
  async run(@OpenVisit() visit: Visit, @Param('id') id: string) {
    const action = await actionOrCheck(visit, namedOrInline(id));
    return { status: 'running', job_id: await startPlanned(visit, await visit.session.planAction(action)) };
  }

  @Get(':id')
  async one(@OpenVisit() visit: Visit, @Param('id') id: string) {
    return { data: await visit.session.action(await actionOrCheck(visit, namedOrInline(id))) };
  }
}

/** A check named where an action is wanted is run as one. */
async function actionOrCheck({ session, bundle }: Visit, action: unknown): Promise<unknown> {
  if (typeof action !== 'string' || bundle.find(action, 'Action') || !bundle.find(action, 'Predicate')) return action;
  return session.checkAsAction(action);
}
