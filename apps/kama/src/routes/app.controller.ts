import { Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { jobOf, startPlanned } from '../server/start-planned.js';
import { OpenVisit, type Visit } from '../server/visit.js';
import { spaceOf } from './query.js';

type Fields = Record<string, string | undefined>;

/** The app itself: its state, presets, jobs. */
@Controller('api/app')
export class AppController {
  @Get()
  about(@OpenVisit() { app, bundle }: Visit) {
    return {
      data: {
        id: app.id,
        publisher_identifier: app.org,
        app_identifier: app.name,
        version: app.version,
        digest: bundle.digest,
      },
    };
  }

  @Get('jobs/:id/status')
  async job(@OpenVisit() visit: Visit, @Param('id') id: string) {
    return { data: await jobOf(visit, id) };
  }

  @Get('compute-status')
  async status(@OpenVisit() { session }: Visit, @Query() query: Fields) {
    return { data: { app_status: await session.status(spaceOf(query)) } };
  }

  @Post('install-preflight')
  @HttpCode(200)
  async preflight(@OpenVisit() visit: Visit) {
    return { data: { job_id: await startPlanned(visit, await visit.session.installPreflight()) } };
  }

  @Get('presets')
  async presets(@OpenVisit() { session }: Visit, @Query() query: Fields) {
    return { data: await session.presets(spaceOf(query)) };
  }
}
