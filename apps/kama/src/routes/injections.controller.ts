import { Controller, Get, HttpCode, Param, Post } from '@nestjs/common';
import { startPlanned } from '../server/start-planned.js';
import { OpenVisit, type Visit } from '../server/visit.js';
import { timingOf } from './timing.js';

/** Variables that the publisher sends to an install, and hooks of updates. */
@Controller('api')
export class InjectionsController {
  @Get('injections/check_newer')
  async newer(@OpenVisit() { session }: Visit) {
    return { data: await session.updates.injectionIsNewer() };
  }

  @Get('injections/latest/preview')
  async preview(@OpenVisit() { session }: Visit) {
    return { data: { defaults: await session.updates.previewInjection() } };
  }

  @Post('injections/latest/apply')
  @HttpCode(200)
  async apply(@OpenVisit() visit: Visit) {
    return { data: { job_id: await startPlanned(visit, await visit.session.updates.applyInjection()) } };
  }

  @Post('injections/latest/hooks/:timing/run')
  @HttpCode(200)
  async hooks(@OpenVisit() visit: Visit, @Param('timing') timing: string) {
    const planned = await visit.session.upkeep.planHooks(timingOf(timing), true);
    return { data: { job_id: await startPlanned(visit, planned) } };
  }

  @Post('updates/:id/hooks/:timing/run')
  @HttpCode(200)
  async updateHooks(@OpenVisit() visit: Visit, @Param('id') id: string, @Param('timing') timing: string) {
    await visit.session.updates.release(id);
    const planned = await visit.session.upkeep.planHooks(timingOf(timing), false);
    return { data: { job_id: await startPlanned(visit, planned) } };
  }
}
