import { Controller, Get, Query } from '@nestjs/common';
import { OpenVisit, type Visit } from '../server/visit.js';
import { filterOf } from './query.js';

/** Checks of the app that people can read. */
@Controller('api/health')
export class HealthController {
  @Get('predicates')
  async predicates(@OpenVisit() { session }: Visit, @Query() query: Record<string, string | undefined>) {
    return { data: await session.upkeep.healthPredicates(filterOf(query).spaces) };
  }
}
