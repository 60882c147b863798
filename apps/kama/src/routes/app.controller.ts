import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import type { Whitelist } from '../contract/bodies.js';
import { jobWithRemedies } from '../server/jobs.js';
import { startPlanned } from '../server/start-planned.js';
import { OpenVisit, type Visit } from '../server/visit.js';
import { spaceOf } from './query.js';
import { noteStatuses, statusesOf } from './statuses.js';

type Fields = Record<string, string | undefined>;

/** The app itself: its state, presets, jobs. */
@Controller('api/app')
export class AppController {
  @Get()
  about(@OpenVisit() { app, bundle }: Visit) {
    const { id, org, name, version } = app;
    return { data: { id, publisher_identifier: org, app_identifier: name, version, digest: bundle.digest } };
  }

  @Get('jobs/:id/status')
  async job(@OpenVisit() visit: Visit, @Param('id') id: string) {
    return { data: await jobWithRemedies(visit, id) };
  }

  @Get('status')
  async status(@OpenVisit() { session }: Visit) {
    return { status: await session.status() };
  }

  @Post('status')
  @HttpCode(200)
  async noteStatus(@OpenVisit() visit: Visit) {
    const status = await visit.session.status();
    return { status, job_id: await noteStatuses(visit, { app: status }) };
  }

  @Post('compute-and-sync-statuses')
  @HttpCode(200)
  async statuses(@OpenVisit() visit: Visit) {
    const statuses = await statusesOf(visit);
    return { statuses, job_id: await noteStatuses(visit, statuses) };
  }

  /** There is no hub of this API that takes states: NMachine reads them itself. */
  @Post('sync-status-hub')
  @HttpCode(200)
  toHub(@OpenVisit() _visit: Visit) {
    return { success: false, reason: 'There is no hub here to tell.' };
  }

  @Post(['run-installation-preflight', 'install-preflight'])
  @HttpCode(200)
  async preflight(@OpenVisit() visit: Visit) {
    return { data: { job_id: await startPlanned(visit, await visit.session.installPreflight()) } };
  }

  @Get('presets')
  async presets(@OpenVisit() { session }: Visit, @Query() query: Fields) {
    return { data: await session.presets(spaceOf(query)) };
  }

  @Post('presets')
  @HttpCode(200)
  presetsByPost(@OpenVisit() visit: Visit, @Query() query: Fields) {
    return this.presets(visit, query);
  }

  @Post('presets/:id/commit-apply')
  @HttpCode(200)
  async preset(@OpenVisit() visit: Visit, @Param('id') id: string, @Body() { whitelist }: Whitelist) {
    const job = await startPlanned(visit, await visit.session.planPreset(id, whitelist));
    return { job_id: job, data: { job_id: job } };
  }

  @Get(['uninstall-victim-groups', 'uninstall-spec'])
  async victims(@OpenVisit() { session }: Visit) {
    return { data: await session.upkeep.victimGroups() };
  }

  @Get('deletion_selectors')
  async deletionSelectors(@OpenVisit() { session }: Visit) {
    return { data: (await session.upkeep.victimGroups()).flatMap(({ matchers }) => matchers) };
  }
}
